using System.Globalization;
using System.Text.Json.Nodes;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Identity;

public sealed class ApiKeyTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task NewKey_IsShownOnceAndWorksAtOnce()
    {
        var answer = await Admin.PostAsync("/v1/api-keys", new { name = "ci", expires_at = "2099-01-31T08:00:00Z" });
        var made = answer.Created();
        var (id, key) = ((string)made["id"]!, (string)made["key"]!);
        Assert.StartsWith("apikey_", id, StringComparison.Ordinal);
        Assert.Matches("^sgk_[A-Za-z0-9_-]{32,}$", key);
        Assert.Equal("sgk_", (string?)made["prefix"]);
        Assert.Equal("ci", (string?)made["name"]);
        Assert.Equal("2099-01-31T08:00:00+00:00", (string?)made["expires_at"]);
        Assert.Equal($"/v1/api-keys/{id}", answer.Headers["Location"]);
        using var holder = Admin.As(key);
        var me = (await holder.GetAsync("/v1/me")).Ok();
        Assert.Equal((string?)me["user"]!["id"], (string?)made["assigned_user_id"]);
        Assert.Equal(me["permissions"]!.ToJsonString(), made["scopes"]!.ToJsonString());

        var list = await Admin.GetAsync("/v1/api-keys?limit=1000");
        Assert.DoesNotContain(key, list.Text, StringComparison.Ordinal);
        var listed = Assert.Single(list.Ok()["items"]!.AsArray(), item => (string?)item!["id"] == id)!.AsObject();
        Assert.Equal(["id", "name", "prefix", "scopes", "assigned_user_id", "expires_at", "last_used_at", "created_at"], listed.Select(field => field.Key));
    }

    [Fact]
    public async Task KeyWithoutExpiry_NeverExpires()
    {
        var made = (await Admin.PostAsync("/v1/api-keys", new { name = "forever" })).Created();
        Assert.True(made.AsObject().ContainsKey("expires_at"));
        Assert.Null(made["expires_at"]);
    }

    [Fact]
    public async Task ExpiredKey_IsRefused()
    {
        var expiresAt = TimeProvider.System.GetUtcNow().AddSeconds(6).ToString("O", CultureInfo.InvariantCulture);
        var made = (await Admin.PostAsync("/v1/api-keys", new { name = "brief", expires_at = expiresAt })).Created();
        using var holder = Admin.As((string)made["key"]!);
        (await holder.GetAsync("/v1/me")).Ok();
        await Poll.UntilAsync(async () => (int)(await holder.GetAsync("/v1/me")).Status == 401, "the key to expire");
        (await holder.ChatAsync("scailabs/echo")).Error(401, "AUTH_TOKEN_INVALID");
    }

    [Fact]
    public async Task RevokedKey_StopsAtOnceAndIsGone()
    {
        var (id, key) = await Admin.CreateKeyAsync();
        using var holder = Admin.As(key);
        (await holder.ChatAsync("scailabs/echo")).Ok();
        (await Admin.DeleteAsync($"/v1/api-keys/{id}")).NoContent();
        (await holder.ChatAsync("scailabs/echo")).Error(401, "AUTH_TOKEN_INVALID");
        (await holder.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");
        Assert.DoesNotContain(id, await Admin.IdsAsync("/v1/api-keys?", limit: 1000));
        (await Admin.DeleteAsync($"/v1/api-keys/{id}")).Error(404, "NOT_FOUND");
    }

    [Fact]
    public async Task KeyMayRevokeItself()
    {
        var (id, key) = await Admin.CreateKeyAsync();
        using var holder = Admin.As(key);
        (await holder.DeleteAsync($"/v1/api-keys/{id}")).NoContent();
        (await holder.GetAsync("/v1/me")).Error(401, "AUTH_TOKEN_INVALID");
    }

    [Fact]
    public async Task KeyOfANarrowKey_IsAsNarrow()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        var all = (await user.Api.GetAsync("/v1/me")).Ok()["permissions"]!.AsArray().Select(permission => (string)permission!).ToArray();
        var narrow = (await user.Api.PostAsync("/v1/api-keys", new { name = "narrow", scopes = all })).Created();
        using var api = Admin.As((string)narrow["key"]!);
        var made = (await api.PostAsync("/v1/api-keys", new { name = "of it" })).Created();
        Assert.Equal(all.Order(StringComparer.Ordinal), made["scopes"]!.AsArray().Select(scope => (string)scope!).Order(StringComparer.Ordinal));

        // What the user is given later is not the key's.
        (await Admin.PutAsync($"/v1/users/{user.Id}/roles", new { roles = new[] { Roles.TenantAdmin } })).Ok();
        using var second = Admin.As((string)made["key"]!);
        await Poll.UntilAsync(async () => (int)(await user.Api.GetAsync("/v1/users")).Status == 200, "the role");
        (await second.GetAsync("/v1/users")).Error(403, "AUTHZ_PERMISSION_DENIED");
    }

    [Fact]
    public async Task LastKeyOfASuperAdmin_DoesNotRevokeItself()
    {
        var user = (await Admin.PostAsync("/v1/users", new { email = $"{Fresh.Name()}@test.example", display_name = "Operator", roles = new[] { Roles.SuperAdmin } })).Created();
        var made = (await Admin.PostAsync("/v1/api-keys", new { name = "only", assigned_user_id = (string)user["id"]! })).Created();
        using var person = Admin.As((string)made["key"]!);
        (await person.DeleteAsync($"/v1/api-keys/{made["id"]}")).Error(409, "CONFLICT");
        (await person.GetAsync("/v1/me")).Ok();
        await person.CreateKeyAsync();
        (await person.DeleteAsync($"/v1/api-keys/{made["id"]}")).NoContent();
    }

    [Fact]
    public async Task TwoKeysOfASuperAdmin_DoNotRevokeThemselvesAtOnce()
    {
        for (var i = 0; i < 5; i++)
        {
            var user = (await Admin.PostAsync("/v1/users", new { email = $"{Fresh.Name()}@test.example", display_name = "Operator", roles = new[] { Roles.SuperAdmin } })).Created();
            var (first, second) = (await KeyAsync(user), await KeyAsync(user));
            var answers = await Task.WhenAll(first.Api.DeleteAsync($"/v1/api-keys/{first.Id}"), second.Api.DeleteAsync($"/v1/api-keys/{second.Id}"));
            Assert.Single(answers, answer => (int)answer.Status == 204);
            answers.Single(answer => (int)answer.Status != 204).Error(409, "CONFLICT");
        }

        async Task<(string Id, ApiDriver Api)> KeyAsync(JsonNode user)
        {
            var made = (await Admin.PostAsync("/v1/api-keys", new { name = "one of two", assigned_user_id = (string)user["id"]! })).Created();
            var person = Admin.As((string)made["key"]!);
            (await person.GetAsync("/v1/me")).Ok();
            return ((string)made["id"]!, person);
        }
    }

    [Fact]
    public async Task Pages_CoverAllKeysOnceNewestFirst()
    {
        var made = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            made.Add((await Admin.CreateKeyAsync()).Id);
        }

        var ids = await Admin.IdsAsync("/v1/api-keys?", limit: 2);
        Assert.Equal(ids.OrderDescending(StringComparer.Ordinal).Distinct(), ids);
        Assert.Equal(made.OrderDescending(StringComparer.Ordinal), ids.Where(made.Contains));
    }

    [Theory]
    [InlineData("""{}""", "name")]
    [InlineData("""{"name":"  "}""", "name")]
    [InlineData("""{"name":7}""", "name")]
    [InlineData("""{"name":"x","expires_at":"2001-01-01T00:00:00Z"}""", "expires_at")]
    [InlineData("""{"name":"x","expires_at":"next week"}""", "expires_at")]
    [InlineData("""{"name":"x","expires_at":""}""", "expires_at")]
    [InlineData("""{"name":"x","assigned_user_id":"usr_01ARZ3NDEKTSV4RRFFQ69G5FAV"}""", "assigned_user_id")]
    [InlineData("""{"name":"x","assigned_user_id":"é"}""", "assigned_user_id")]
    public async Task WrongField_IsNamed(string body, string field) => (await Admin.SendAsync(HttpMethod.Post, "/v1/api-keys", body)).Invalid(field);

    [Fact]
    public async Task AllWrongFields_AreNamedTogether() =>
        (await Admin.PostAsync("/v1/api-keys", new { name = new string('x', 201), expires_at = "1999-01-01" })).Invalid("name", "expires_at");

    [Theory]
    [InlineData("apikey_01ARZ3NDEKTSV4RRFFQ69G5FAV")]
    [InlineData("usr_x")]
    [InlineData("é")]
    public async Task UnknownKey_Is404(string id) => (await Admin.DeleteAsync($"/v1/api-keys/{Uri.EscapeDataString(id)}")).Error(404, "NOT_FOUND");
}
