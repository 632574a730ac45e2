using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Platform.Audit;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Idempotency;

public sealed class IdempotencyTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task SameKey_GivesTheFirstAnswerAgain()
    {
        var (key, name) = (Fresh.Name(), Fresh.Name());
        var first = await CreateAsync(Admin, key, name);
        var second = await CreateAsync(Admin, key, name);
        Assert.Equal(first.Created().ToJsonString(), second.Created().ToJsonString());
        Assert.Equal(first.Text, second.Text);
        Assert.Equal(first.Headers["Location"], second.Headers["Location"]);
        Assert.False(first.Headers.ContainsKey("Idempotency-Replayed"));
        Assert.Equal("true", second.Headers["Idempotency-Replayed"]);
        Assert.NotEqual(first.Headers["X-Request-Id"], second.Headers["X-Request-Id"]);
        Assert.Equal(1, await CountAsync(name));

        // The API key, which is shown only once, works, and the audit log has one write.
        using var made = Admin.As((string)first.Created()["key"]!);
        (await made.GetAsync("/v1/me")).Ok();
        var rows = await Admin.AuditAsync("action=api_key.create");
        Assert.Single(rows, row => (string?)row["request_id"] == first.Headers["X-Request-Id"]);
        Assert.DoesNotContain(rows, row => (string?)row["request_id"] == second.Headers["X-Request-Id"]);
    }

    [Fact]
    public async Task SameKeyWithAnotherRequest_IsAConflict()
    {
        var (key, name) = (Fresh.Name(), Fresh.Name());
        (await CreateAsync(Admin, key, name)).Created();
        (await CreateAsync(Admin, key, name + "x")).Error(409, "IDEMPOTENCY_CONFLICT");
        (await Admin.SendAsync(HttpMethod.Post, "/v1/providers", $$"""{"name":"{{name}}"}""", ("Idempotency-Key", key))).Error(409, "IDEMPOTENCY_CONFLICT");
        Assert.Equal(0, await CountAsync(name + "x"));
    }

    [Fact]
    public async Task CallsAtOnce_AreCarriedOutOnce_AndAllHaveTheAnswer()
    {
        var (key, name) = (Fresh.Name(), Fresh.Name());
        var answers = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => CreateAsync(Admin, key, name)));
        Assert.Single(answers.Select(answer => answer.Created().ToJsonString()).Distinct());
        Assert.Equal(11, answers.Count(answer => answer.Headers.ContainsKey("Idempotency-Replayed")));
        Assert.Equal(1, await CountAsync(name));
    }

    [Fact]
    public async Task RefusalIsKeptToo_AndDeletesAreAnsweredAlike()
    {
        var key = Fresh.Name();
        (await CreateAsync(Admin, key, "")).Invalid("name");
        var again = await CreateAsync(Admin, key, "");
        Assert.Equal(422, (int)again.Status);
        Assert.Equal("true", again.Headers["Idempotency-Replayed"]);

        var (id, _) = await Admin.CreateKeyAsync();
        var delete = Fresh.Name();
        (await Admin.SendAsync(HttpMethod.Delete, $"/v1/api-keys/{id}", null, ("Idempotency-Key", delete))).NoContent();
        (await Admin.SendAsync(HttpMethod.Delete, $"/v1/api-keys/{id}", null, ("Idempotency-Key", delete))).NoContent();
        (await Admin.DeleteAsync($"/v1/api-keys/{id}")).Error(404, "NOT_FOUND");
    }

    [Fact]
    public async Task NarrowerApiKeyOfTheSameUser_DoesNotGetTheAnswer()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        using var narrow = Admin.As((await tenant.CreateKeyAsync(user.Id, Permissions.ManageApiKeys)).Key);
        var (key, name) = (Fresh.Name(), Fresh.Name());
        var first = (await CreateAsync(user.Api, key, name)).Created();
        var refused = await CreateAsync(narrow, key, name);
        refused.Error(403, "AUTHZ_PERMISSION_DENIED");
        Assert.False(refused.Headers.ContainsKey("Idempotency-Replayed"));
        Assert.Equal(first.ToJsonString(), (await CreateAsync(user.Api, key, name)).Created().ToJsonString());
    }

    [Fact]
    public async Task KeyThatIsTooLong_OrEmpty_IsInvalid()
    {
        (await CreateAsync(Admin, new string('k', 256), "x")).Invalid("Idempotency-Key");
        (await CreateAsync(Admin, new string('k', 255), Fresh.Name())).Created();
    }

    private static Task<Answer> CreateAsync(ApiDriver api, string key, string name) =>
        api.SendAsync(HttpMethod.Post, "/v1/api-keys", $$"""{"name":"{{name}}"}""", ("Idempotency-Key", key));

    private async Task<int> CountAsync(string name)
    {
        var keys = (await Admin.GetAsync("/v1/api-keys?limit=1000")).Ok()["items"]!.AsArray();
        return keys.Count(item => (string?)item!["name"] == name);
    }
}
