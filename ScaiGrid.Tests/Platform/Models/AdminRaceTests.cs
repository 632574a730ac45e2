using System.Text.Json.Nodes;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Models;

/// <summary>Two admins change the same thing at once. A lock of the test holds both between their reads and their writes.</summary>
public sealed class AdminRaceTests(Grid grid) : ServicesTest(grid)
{
    [Fact]
    public async Task AddressOfOne_IsNeverStoredWithTheKeyOfTheOther()
    {
        var provider = await ProviderAsync();
        await BothAsync(
            await HoldAsync("providers", "id", provider),
            provider,
            () => Admin.PutAsync($"/v1/providers/{provider}", Config("https://other.example/v1", "sk-the-others-2222")),
            () => Admin.PutAsync($"/v1/providers/{provider}", Config("https://first.example/v1", "sk-the-firsts-3333")));
        Check((await Admin.GetAsync($"/v1/providers/{provider}")).Ok()["config"]!);

        var own = new { base_url = "https://first.example/v1", api_key = "sk-the-old-1111" };
        var backend = (string)(await Admin.PostAsync("/v1/backends", new { provider_id = provider, model = "m", connection_config = own })).Created()["id"]!;
        await BothAsync(
            await HoldAsync("backends", "id", backend),
            backend,
            () => Admin.PutAsync($"/v1/backends/{backend}", new { connection_config = new { base_url = "https://other.example/v1", api_key = "sk-the-others-2222" } }),
            () => Admin.PutAsync($"/v1/backends/{backend}", new { connection_config = new { base_url = "https://first.example/v1", api_key = "sk-the-firsts-3333" } }));
        Check((await Admin.GetAsync($"/v1/backends/{backend}")).Ok()["connection_config"]!);

        static object Config(string url, string key) => new { config = new { base_url = url, api_key = key } };
        static void Check(JsonNode config) =>
            Assert.True(((string?)config["base_url"], (string?)config["api_key"]) is ("https://other.example/v1", "•••• 2222") or ("https://first.example/v1", "•••• 3333"), config.ToJsonString());
    }

    [Fact]
    public async Task NewBackendsKey_DoesNotMoveWithItsProvider()
    {
        var provider = await ProviderAsync(withKey: false);
        var (tenant, operatorUser) = await OperatorAsync();
        using var caller = operatorUser;
        var (created, moved) = await BothAsync(
            await HoldAsync("audit_chains", "tenant_id", tenant),
            tenant,
            () => caller.Api.PostAsync("/v1/backends", new { provider_id = provider, model = "m", connection_config = new { api_key = "sk-its-own-4444" } }),
            () => Admin.PutAsync($"/v1/providers/{provider}", new { config = new { base_url = "https://other.example/v1" } }),
            provider);
        created.Created();
        moved.Invalid("config.base_url");
    }

    [Theory]
    [InlineData("providers", "DELETE")]
    [InlineData("providers", "PUT")]
    [InlineData("backends", "DELETE")]
    [InlineData("backends", "PUT")]
    [InlineData("models", "DELETE")]
    [InlineData("models", "PUT")]
    [InlineData("model-groups", "DELETE")]
    [InlineData("model-groups", "PUT")]
    public async Task DeletedMeanwhile_IsAConflictOrNotThere(string kind, string method)
    {
        var id = kind switch
        {
            "providers" => await ProviderAsync(),
            "backends" => await BackendAsync(),
            "models" => await ModelAsync(),
            _ => (string)(await Admin.PostAsync("/v1/model-groups", new { name = Fresh.Name() })).Created()["id"]!,
        };
        var path = $"/v1/{kind}/{id}";
        var (deleted, late) = await BothAsync(
            await HoldAsync(kind.Replace('-', '_'), "id", id),
            id,
            () => Admin.DeleteAsync(path),
            () => Admin.SendAsync(new HttpMethod(method), path, method == "PUT" ? $$"""{"{{(kind == "models" ? "description" : "name")}}":"{{Fresh.Name()}}"}""" : null));

        // MariaDB may have rolled the first back, which is repeated and then the second.
        Assert.All((Answer[])[deleted, late], answer => Assert.True((int)answer.Status is 200 or 204 or 404 or 409, answer.Text));
        Assert.Contains((Answer[])[deleted, late], answer => (int)answer.Status == 204);
        Assert.False(deleted.Status == late.Status, "Both deleted the same row.");
    }

    [Fact]
    public async Task RulesAndPicturesDeletedMeanwhile_AreAConflict()
    {
        var model = await ModelAsync();
        var tenant = await SeededTenant.CreateAsync(Grid);
        var rule = (string)(await Admin.PutAsync("/v1/model-access", new { tenant_id = tenant.Id, model_id = model, access = "block" })).Ok()["id"]!;
        await DeleteTwiceAsync("model_access", "id", rule, $"/v1/model-access/{rule}");
        using var png = new ByteArrayContent([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);
        Assert.True((await Admin.Http.PostAsync($"/v1/models/{model}/avatar", png)).IsSuccessStatusCode);
        await DeleteTwiceAsync("model_avatars", "model_id", model, $"/v1/models/{model}/avatar");

        async Task DeleteTwiceAsync(string table, string column, string id, string path)
        {
            var (first, second) = await BothAsync(await HoldAsync(table, column, id), id, () => Admin.DeleteAsync(path), () => Admin.DeleteAsync(path));
            first.NoContent();
            Assert.Contains("meanwhile", (string?)second.Error(409, "CONFLICT")["message"], StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task LastRouting_IsTheWholeRouting()
    {
        var (model, one, two) = (await ModelAsync(), await BackendAsync(), await BackendAsync());
        var path = $"/v1/models/{model}/routing";
        (await Admin.PutAsync(path, new { targets = Array.Empty<object>() })).Ok();
        await BothAsync(await HoldAsync("routing_policies", "model_id", model), model, () => PutAsync(one), () => PutAsync(two));
        Assert.Single((await Admin.GetAsync(path)).Ok()["targets"]!.AsArray());

        Task<Answer> PutAsync(string backend) => Admin.PutAsync(path, new { targets = new[] { new { backend_id = backend } } });
    }

    [Fact]
    public async Task LastMembers_AreAllMembers()
    {
        var (one, two) = (await ModelAsync(), await ModelAsync());
        var group = (string)(await Admin.PostAsync("/v1/model-groups", new { name = Fresh.Name() })).Created()["id"]!;
        var path = $"/v1/model-groups/{group}";
        await BothAsync(
            await HoldAsync("model_groups", "id", group),
            group,
            () => Admin.PutAsync(path, new { model_ids = new[] { one } }),
            () => Admin.PutAsync(path, new { model_ids = new[] { two } }));
        Assert.Single((await Admin.GetAsync(path)).Ok()["model_ids"]!.AsArray());
    }

    [Fact]
    public async Task BlockRule_DoesNotVanishWithItsGroup()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        var group = (string)(await Admin.PostAsync("/v1/model-groups", new { name = Fresh.Name() })).Created()["id"]!;
        (await Admin.PutAsync("/v1/model-access", new { tenant_id = tenant.Id, model_id = await ModelAsync(), access = "allow" })).Ok();
        var (ruled, deleted) = await BothAsync(
            await HoldAsync("audit_chains", "tenant_id", tenant.Id),
            tenant.Id,
            () => Admin.PutAsync("/v1/model-access", new { tenant_id = tenant.Id, group_id = group, access = "block" }),
            () => Admin.DeleteAsync($"/v1/model-groups/{group}"),
            group);
        ruled.Ok();
        deleted.Error(409, "CONFLICT");
    }

    [Fact]
    public async Task ModelThatIsMappedMeanwhile_IsNotDeleted()
    {
        var (model, backend) = (await ModelAsync(), await BackendAsync());
        var (tenant, operatorUser) = await OperatorAsync();
        using var caller = operatorUser;
        var (mapped, deleted) = await BothAsync(
            await HoldAsync("audit_chains", "tenant_id", tenant),
            tenant,
            () => caller.Api.PutAsync($"/v1/models/{model}/routing", new { targets = new[] { new { backend_id = backend } } }),
            () => Admin.DeleteAsync($"/v1/models/{model}"),
            model);
        mapped.Ok();
        deleted.Error(409, "CONFLICT");
    }

    /// <summary>Releases the lock when both calls wait: the first for it, the second for it or for the first.</summary>
    private async Task<(Answer First, Answer Second)> BothAsync(
        IAsyncDisposable held, string waitsFor, Func<Task<Answer>> first, Func<Task<Answer>> second, string? secondWaitsFor = null)
    {
        Task<Answer> one, two;
        await using (held)
        {
            one = first();
            await WaitingAsync(1, waitsFor);
            two = second();
            await WaitingAsync(2, waitsFor, secondWaitsFor ?? waitsFor, "('connections')", "('models')");
        }

        return (await one, await two);
    }

    private Task<TimeSpan> WaitingAsync(int count, params string[] texts) => Poll.UntilAsync(
        async () => int.Parse(
            (await Services.MariaDb.RowAsync(
                "SELECT COUNT(*) n FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND command = 'Query' AND time_ms > 200 AND "
                + $"({string.Join(" OR ", texts.Select(text => $"INSTR(info, \"{text}\") > 0"))})"))["n"],
            System.Globalization.CultureInfo.InvariantCulture) >= count,
        $"{count} calls to wait");

    private Task<IAsyncDisposable> HoldAsync(string table, string column, string id) =>
        Services.MariaDb.BeginAsync($"SELECT * FROM {table} WHERE {column} = '{id}' FOR UPDATE");

    /// <summary>A super admin whose audit log no other test writes to.</summary>
    private async Task<(string TenantId, SeededUser User)> OperatorAsync()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        var user = await tenant.AddUserAsync(Roles.SuperAdmin);
        await Poll.UntilAsync(user.IsKnownAsync, "the operator's key");
        return (tenant.Id, user);
    }

    private async Task<string> ProviderAsync(bool withKey = true)
    {
        object config = withKey ? new { base_url = "https://first.example/v1", api_key = "sk-the-old-1111" } : new { base_url = "https://first.example/v1" };
        return (string)(await Admin.PostAsync("/v1/providers", new { name = Fresh.Name(), type = "custom", config })).Created()["id"]!;
    }

    private async Task<string> BackendAsync() =>
        (string)(await Admin.PostAsync("/v1/backends", new { provider_id = await ProviderAsync(), model = "m" })).Created()["id"]!;

    private async Task<string> ModelAsync() => (string)(await Admin.PostAsync("/v1/models", new { slug = Fresh.Slug() })).Created()["id"]!;
}
