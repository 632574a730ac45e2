using System.Text.Json.Nodes;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Platform.Batch;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Tenancy;

/// <summary>How much one tenant may create of what all tenants have room for together.</summary>
[Trait("needs", "services")]
[Collection(nameof(SmallGrid))]
public sealed class TenantLimitTests
{
    [Fact]
    public async Task Budgets_AreNoMoreThanATenantMaySet_AndThoseAboveCanStillSetTheirs()
    {
        await using var grid = await StartAsync("SCAIGRID_BUDGETS_PER_TENANT", 22);
        var tenant = await SeededTenant.CreateAsync(grid.Admin);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        using var partner = await tenant.AddUserAsync(Roles.PartnerAdmin);

        var answers = await Task.WhenAll(Enumerable.Range(0, 24).Select(_ => AddAsync(admin, "tenant", tenant.Id)));
        var made = answers.Where(answer => (int)answer.Status == 201).Select(answer => (string)answer.Created()["id"]!).ToList();
        Assert.Equal(20, made.Count);
        Assert.Equal(
            "The partner, tenant, user or group has the maximum number of budgets: change or delete one of them.",
            (string?)answers.First(answer => (int)answer.Status != 201).Error(409, "CONFLICT")["message"]);
        (await AddAsync(admin, "user", admin.Id)).Created();
        (await AddAsync(admin, "user", admin.Id)).Created();
        Assert.Equal(
            "There is the maximum number of budgets: first delete one that is no longer used.", (string?)(await AddAsync(admin, "user", admin.Id)).Error(409, "CONFLICT")["message"]);

        (await AddAsync(partner, "tenant", tenant.Id)).Created();
        (await AddAsync(partner, "partner", tenant.PartnerId)).Created();
        (await admin.Api.DeleteAsync($"/v1/accounting/budgets/{made[0]}")).NoContent();
        (await AddAsync(admin, "user", admin.Id)).Created();
        (await AddAsync(admin, "user", admin.Id)).Error(409, "CONFLICT");

        static Task<Answer> AddAsync(SeededUser by, string scope, string id) =>
            by.Api.PostAsync("/v1/accounting/budgets", new { scope, scope_id = id, period = "daily", request_limit = 1000 });
    }

    [Fact]
    public async Task UsersAndRoles_AreNoMoreThanATenantMayHave()
    {
        await using var grid = await StartAsync("SCAIGRID_USERS_PER_TENANT", 4);
        var tenant = await SeededTenant.CreateAsync(grid.Admin);
        var other = await SeededTenant.CreateAsync(grid.Admin);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => AddAsync(i)));
        var made = answers.Where(answer => (int)answer.Status == 201).Select(answer => (string)answer.Created()["id"]!).ToList();
        Assert.Equal(3, made.Count);
        Assert.Equal(
            "The tenant already has the maximum number of users: first delete one who no longer needs access.",
            (string?)answers.First(answer => (int)answer.Status != 201).Error(409, "CONFLICT")["message"]);
        (await other.AddUserAsync(Roles.TenantUser)).Dispose();
        (await admin.Api.DeleteAsync($"/v1/users/{made[0]}")).NoContent();
        (await AddAsync(7)).Created();
        (await AddAsync(8)).Error(409, "CONFLICT");

        for (var i = 0; i < 100; i++)
        {
            (await admin.Api.PostAsync("/v1/iam/custom-roles", new { name = "Role", slug = $"role-{i}" })).Created();
        }

        Assert.Equal(
            "The tenant already has the maximum number of roles: first delete one that is no longer used.",
            (string?)(await admin.Api.PostAsync("/v1/iam/custom-roles", new { name = "Role", slug = "role-100" })).Error(409, "CONFLICT")["message"]);

        Task<Answer> AddAsync(int number) => admin.Api.PostAsync("/v1/users", new { email = $"user-{number}@test.example" });
    }

    [Fact]
    public async Task OpenBatches_AreNoMoreThanATenantMayHave()
    {
        await using var grid = await StartAsync("SCAIGRID_OPEN_BATCHES_PER_TENANT", 3);
        var tenant = await SeededTenant.CreateAsync(grid.Admin);
        var other = await SeededTenant.CreateAsync(grid.Admin);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        using var colleague = await tenant.AddUserAsync(Roles.TenantUser);
        using var stranger = await other.AddUserAsync(Roles.TenantUser);

        // Without a worker, none ends.
        var answers = await Task.WhenAll(Enumerable.Range(0, 6).Select(i => AddAsync(i % 2 == 0 ? user : colleague)));
        Assert.Equal(3, answers.Count(answer => (int)answer.Status == 201));
        var refused = answers.First(answer => (int)answer.Status != 201).Error(429, "QUOTA_EXCEEDED");
        Assert.Equal("The tenant has the maximum number of batches in progress: wait for one to end, or cancel one.", (string?)refused["message"]);
        (await AddAsync(stranger)).Created();
        using var form = new MultipartFormDataContent { { new StringContent("batch"), "purpose" }, { new StringContent("{}"), "file", "input.jsonl" } };
        using var uploaded = await user.Api.Http.PostAsync(new Uri("/v1/files", UriKind.Relative), form);
        var file = (string?)JsonNode.Parse(await uploaded.Content.ReadAsStringAsync())!["data"]!["id"];
        (await user.Api.PostAsync("/oai/v1/batches", new { input_file_id = file, endpoint = "/v1/chat/completions", completion_window = "24h" })).OpenAiError(429, "quota_exceeded");

        static Task<Answer> AddAsync(SeededUser by) => by.Api.PostAsync("/v1/inference/batch", new { input_file_base64 = "e30K" });
    }

    [Fact]
    public async Task ManyBatchesOfOneTenant_DoNotKeepAnothersWaiting()
    {
        await using var grid = await SmallGrid.StartAsync(replicas: 1, withWorker: true);
        var (slow, upstream) = await grid.ConnectAsync(new UpstreamScript { Delay = TimeSpan.FromSeconds(2) });
        var tenant = await SeededTenant.CreateAsync(grid.Admin);
        var other = await SeededTenant.CreateAsync(grid.Admin);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        using var stranger = await other.AddUserAsync(Roles.TenantUser);
        for (var i = 0; i < 24; i++)
        {
            await SubmitAsync(user.Api, slow);
        }

        // A worker runs eight steps at a time.
        await Poll.UntilAsync(() => Task.FromResult(grid.Upstream.CallsOf(upstream).Count >= 8), "the batches to begin");
        await BatchTests.WaitAsync(stranger.Api, await SubmitAsync(stranger.Api, "scailabs/echo"));
        Assert.InRange(grid.Upstream.CallsOf(upstream).Count, 8, 23);

        static async Task<string> SubmitAsync(ApiDriver api, string model)
        {
            var line = BatchTests.Line("line", "/v1/inference/chat", BatchTests.Chat(model));
            return (string)(await api.PostAsync("/v1/inference/batch", new { input_file_base64 = Convert.ToBase64String(BatchTests.Lines(line)) })).Created()["id"]!;
        }
    }

    [Fact]
    public async Task SessionsAndRooms_TakeNoMoreThanATenantMayHave_AndRepliesAreKept()
    {
        await using var grid = await StartAsync("SCAIGRID_CONVERSATION_MB_PER_TENANT", 1);
        var tenant = await SeededTenant.CreateAsync(grid.Admin);
        var other = await SeededTenant.CreateAsync(grid.Admin);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        using var stranger = await other.AddUserAsync(Roles.TenantUser);
        var most = new string('x', 500_000);
        var room = $"/v1/rooms/{(string)(await user.Api.PostAsync("/v1/rooms", new { name = "Talk" })).Created()["id"]!}";
        var session = $"/v1/sessions/{(string)(await user.Api.PostAsync("/v1/sessions", new { model = "scailabs/echo" })).Created()["id"]!}";
        (await user.Api.PostAsync($"{room}/messages", new { content = most })).Created();

        // The reply repeats the message, and passes the limit with it.
        (await user.Api.PostAsync($"{session}/messages", new { content = most })).Ok();
        Assert.Equal(2, (await user.Api.IdsAsync($"{session}/messages?x=1", 10)).Count);
        var refused = (await user.Api.PostAsync($"{room}/messages", new { content = "more" })).Error(429, "QUOTA_EXCEEDED");
        Assert.Equal("The tenant's sessions and rooms may take 1 MiB together: first delete some that are no longer used.", (string?)refused["message"]);
        (await user.Api.PostAsync($"{session}/messages", new { content = "more" })).Error(429, "QUOTA_EXCEEDED");
        (await user.Api.PostAsync("/v1/sessions", new { model = "scailabs/echo" })).Error(429, "QUOTA_EXCEEDED");
        (await user.Api.PostAsync("/v1/rooms", new { name = "More" })).Error(429, "QUOTA_EXCEEDED");
        (await user.Api.SendAsync(HttpMethod.Patch, session, """{"system_prompt":"more"}""")).Error(429, "QUOTA_EXCEEDED");
        (await user.Api.SendAsync(HttpMethod.Patch, room, """{"system_prompt":"more"}""")).Error(429, "QUOTA_EXCEEDED");
        (await user.Api.SendAsync(HttpMethod.Patch, session, """{"title":"Full"}""")).Ok();
        (await stranger.Api.PostAsync("/v1/rooms", new { name = "Talk" })).Created();

        // What is deleted, or shortened, leaves room.
        (await user.Api.DeleteAsync(session)).NoContent();
        (await user.Api.SendAsync(HttpMethod.Patch, room, $$"""{"system_prompt":"{{most}}"}""")).Ok();
        (await user.Api.PostAsync($"{room}/messages", new { content = most })).Error(429, "QUOTA_EXCEEDED");
        (await user.Api.SendAsync(HttpMethod.Patch, room, """{"system_prompt":null}""")).Ok();
        (await user.Api.PostAsync($"{room}/messages", new { content = most })).Created();
    }

    [Fact]
    public async Task SessionsAndRooms_AreNoMoreThanATenantMayHave()
    {
        await using var grid = await StartAsync("SCAIGRID_CONVERSATIONS_PER_TENANT", 2);
        var tenant = await SeededTenant.CreateAsync(grid.Admin);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        foreach (var (path, body, kind) in new (string, object, string)[] { ("/v1/sessions", new { model = "scailabs/echo" }, "sessions"), ("/v1/rooms", new { name = "Talk" }, "rooms") })
        {
            var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => user.Api.PostAsync(path, body)));
            var made = answers.Where(answer => (int)answer.Status == 201).Select(answer => (string)answer.Created()["id"]!).ToList();
            Assert.Equal(2, made.Count);
            Assert.Equal(
                $"The tenant has the maximum number of {kind}: first delete some that are no longer used.",
                (string?)answers.First(answer => (int)answer.Status != 201).Error(429, "QUOTA_EXCEEDED")["message"]);
            (await user.Api.DeleteAsync($"{path}/{made[0]}")).NoContent();
            (await user.Api.PostAsync(path, body)).Created();
        }
    }

    private static Task<SmallGrid> StartAsync(string setting, int limit) =>
        SmallGrid.StartAsync(replicas: 1, settings: new Dictionary<string, string> { [setting] = $"{limit}" });
}
