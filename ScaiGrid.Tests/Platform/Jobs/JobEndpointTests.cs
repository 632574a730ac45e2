using ScaiGrid.Core;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Jobs;

/// <summary>What administrators see of queued work, and what they can do with dead jobs.</summary>
public sealed class JobEndpointTests(Grid grid) : ServicesTest(grid)
{
    [Fact]
    public async Task DeadJob_IsListed_Requeued_AndDeleted()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        var (dead, ready) = (await AddAsync(tenant, "dead"), await AddAsync(tenant, "ready"));

        (await user.Api.GetAsync("/v1/admin/jobs")).Error(403, "AUTHZ_PERMISSION_DENIED");
        Assert.Equal([ready, dead], await admin.Api.IdsAsync("/v1/admin/jobs?queue=nobodys", 1));
        Assert.Equal([dead], await admin.Api.IdsAsync("/v1/admin/jobs?state=dead", 10));
        (await admin.Api.GetAsync("/v1/admin/jobs?state=gone")).Invalid("state");
        var job = (await admin.Api.GetAsync($"/v1/admin/jobs/{dead}")).Ok();
        Assert.Equal(("dead", 7, "it broke", 1), ((string?)job["state"], (int)job["attempts"]!, (string?)job["error"], (int)job["payload"]!["a"]!));

        (await admin.Api.PostAsync($"/v1/admin/jobs/{ready}/requeue", new { })).Error(409, "CONFLICT");
        (await admin.Api.DeleteAsync($"/v1/admin/jobs/{ready}")).Error(409, "CONFLICT");
        var requeued = (await admin.Api.PostAsync($"/v1/admin/jobs/{dead}/requeue", new { })).Ok();
        Assert.Equal(("ready", 0), ((string?)requeued["state"], (int)requeued["attempts"]!));
        var other = await AddAsync(tenant, "dead");
        (await admin.Api.DeleteAsync($"/v1/admin/jobs/{other}")).NoContent();
        (await admin.Api.GetAsync($"/v1/admin/jobs/{other}")).Error(404, "NOT_FOUND");
        await Services.MariaDb.ExecuteAsync("DELETE FROM jobs WHERE queue = 'nobodys'");
    }

    [Fact]
    public async Task OtherTenantsJobs_AreNotThere_ButForSuperAdmins()
    {
        var ours = await SeededTenant.CreateAsync(Grid);
        var theirs = await SeededTenant.CreateAsync(Grid, ours);
        using var us = await ours.AddUserAsync(Roles.TenantAdmin);
        using var partner = await ours.AddUserAsync(Roles.PartnerAdmin);
        var id = await AddAsync(theirs, "dead");
        (await us.Api.GetAsync($"/v1/admin/jobs/{id}")).Error(404, "NOT_FOUND");
        (await us.Api.PostAsync($"/v1/admin/jobs/{id}/requeue", new { })).Error(404, "NOT_FOUND");
        (await us.Api.DeleteAsync($"/v1/admin/jobs/{id}")).Error(404, "NOT_FOUND");
        Assert.Equal(id, (string?)(await partner.Api.GetAsync($"/v1/admin/jobs/{id}")).Ok()["id"]);
        Assert.Contains(id, await Admin.IdsAsync("/v1/admin/jobs?state=dead", 100));
        (await Admin.DeleteAsync($"/v1/admin/jobs/{id}")).NoContent();
    }

    [Fact]
    public async Task WhatOurOwnPartsSayOfAFailure_IsForTheLog()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);

        // Not a valid job of a batch. The reader's exception names our types, and must not be shown.
        var id = await AddAsync(tenant, "ready", queue: "batches", payload: "[]");
        string? error = null;
        await Poll.UntilAsync(async () => (error = (string?)(await admin.Api.GetAsync($"/v1/admin/jobs/{id}")).Ok()["error"]) != "it broke", "the job's failure");
        await Services.MariaDb.ExecuteAsync("DELETE FROM jobs WHERE id = @id", ("id", id));
        Assert.Equal("It failed unexpectedly; the worker's log says how.", error);
    }

    private async Task<string> AddAsync(SeededTenant tenant, string state, string queue = "nobodys", string payload = """{"a":1}""")
    {
        var id = Ids.New(Ids.Job, TimeProvider.System);
        await Services.MariaDb.ExecuteAsync(
            """
            INSERT INTO jobs (id, queue, lane, state, run_at, attempts, tenant_id, partner_id, payload, error, created_at)
            VALUES (@id, @queue, '', @state, 1, 7, @tenant, @partner, @payload, 'it broke', 1)
            """,
            ("id", id), ("queue", queue), ("payload", payload), ("state", state), ("tenant", tenant.Id), ("partner", tenant.PartnerId));
        return id;
    }
}

/// <summary>The state of scheduled tasks, as the health details show it.</summary>
public sealed class TaskHealthTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task HealthDetails_TellOfEachTasksLastRun()
    {
        await Poll.UntilAsync(async () => (string?)(await FlushAsync())?["last_outcome"] == "ok", "a run of the flush");
        var flush = (await FlushAsync())!;
        Assert.Equal(1, (double)flush["interval_seconds"]!);
        Assert.NotNull(flush["last_started_at"]);
        Assert.NotNull(flush["last_ok_at"]);
        Assert.InRange((long)flush["last_duration_ms"]!, 0, 300_000);
        Assert.NotNull(flush["worker"]);
    }

    private async Task<System.Text.Json.Nodes.JsonNode?> FlushAsync() => (await Admin.GetAsync("/health/detailed")).Ok()["scheduled_tasks"]!.AsArray()
        .FirstOrDefault(task => (string?)task!["name"] == "accounting.usage_flush");
}
