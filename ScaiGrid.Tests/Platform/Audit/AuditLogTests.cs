using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Audit;

/// <summary>The audit records of writes.</summary>
public sealed class AuditLogTests(Grid grid) : GridTest(grid)
{
    private const string Canary = "sk-CANARY-4d1f0b7e9a2c";

    [Fact]
    public async Task Write_IsThereWithItsChange_WhenItIsAnswered()
    {
        var name = Fresh.Name();
        var requestId = $"audit-{name}";
        var created = (await Admin.SendAsync(
            HttpMethod.Post, "/v1/api-keys", $$"""{"name":"{{name}}"}""", ("X-Request-Id", requestId), ("User-Agent", "tests/1.0 (x)"))).Created();
        var id = (string)created["id"]!;

        var row = Assert.Single(await Admin.AuditAsync($"resource_id={id}"));
        var me = (await Admin.GetAsync("/v1/me")).Ok();
        Assert.StartsWith("audit_", (string)row["id"]!, StringComparison.Ordinal);
        Assert.Equal("api_key.create", (string?)row["action"]);
        Assert.Equal((string?)me["user"]!["id"], (string?)row["actor_id"]);
        Assert.Equal((string?)me["user"]!["email"], (string?)row["actor_email"]);
        Assert.Equal("user", (string?)row["actor_type"]);
        Assert.Equal((string?)me["tenant"]!["id"], (string?)row["tenant_id"]);
        Assert.Equal((string?)me["partner"]!["id"], (string?)row["partner_id"]);
        Assert.Equal("api_key", (string?)row["resource_type"]);
        Assert.Equal("SUCCESS", (string?)row["status"]);
        Assert.Equal(requestId, (string?)row["request_id"]);
        Assert.StartsWith("tests/1.0", (string?)row["user_agent"], StringComparison.Ordinal);
        Assert.True((string?)row["ip_address"] is "127.0.0.1" or "::1", row.ToJsonString());
        var change = Assert.Single(row["changes"]!.AsArray())!;
        Assert.Equal(("api_keys", id, null), ((string?)change["resource"], (string?)change["id"], change["before"]));
        Assert.Equal(name, (string?)change["after"]!["name"]);
        Assert.Equal("••••", (string?)change["after"]!["hash"]);

        (await Admin.DeleteAsync($"/v1/api-keys/{id}")).NoContent();
        var revoked = (await Admin.AuditAsync($"resource_id={id}"))[0];
        Assert.Equal("api_key.revoke", (string?)revoked["action"]);
        change = Assert.Single(revoked["changes"]!.AsArray())!;
        Assert.Null(change["before"]!["revoked_at"]);
        Assert.NotNull(change["after"]!["revoked_at"]);
        Assert.False(change["after"]!.AsObject().ContainsKey("name"), "Only what changed is shown.");
    }

    [Fact]
    public async Task RefusedAndFailedAttempts_AreRecorded()
    {
        var marker = Fresh.Name();
        (await Admin.SendAsync(HttpMethod.Post, "/v1/api-keys", "{}", ("X-Request-Id", $"{marker}-422"))).Invalid("name");
        (await Admin.SendAsync(HttpMethod.Post, "/v1/api-keys", "{", ("X-Request-Id", $"{marker}-400"))).Error(400, "MALFORMED_JSON");
        (await Admin.SendAsync(HttpMethod.Delete, $"/v1/providers/prov_{marker}", null, ("X-Request-Id", $"{marker}-404"))).Error(404, "PROVIDER_NOT_FOUND");
        using var service = Admin.As(Secrets.ServiceToken);
        (await service.SendAsync(HttpMethod.Post, "/v1/providers", "{}", ("X-Request-Id", $"{marker}-403"))).Error(403, "AUTHZ_PERMISSION_DENIED");
        using var stranger = Admin.As(null);
        (await stranger.SendAsync(HttpMethod.Post, "/v1/providers", "{}", ("X-Request-Id", $"{marker}-401"))).Error(401, "AUTH_TOKEN_MISSING");

        var rows = (await Admin.AuditAsync("status=FAILURE")).Where(row => ((string)row["request_id"]!).StartsWith(marker, StringComparison.Ordinal))
            .ToDictionary(row => ((string)row["request_id"]!)[(marker.Length + 1)..]);
        Assert.Equal(["400", "403", "404", "422"], rows.Keys.Order());
        Assert.All(rows.Values, row => Assert.Empty(row["changes"]!.AsArray()));
        Assert.Equal(("provider.delete", $"prov_{marker}"), ((string?)rows["404"]["action"], (string?)rows["404"]["resource_id"]));
        Assert.Equal(("service", "service:tests"), ((string?)rows["403"]["actor_type"], (string?)rows["403"]["actor_id"]));
    }

    /// <summary>Rows without a tenant of their own, such as a user's roles.</summary>
    [Fact]
    public async Task ChangeInAnotherTenant_IsInTheLogOfThatTenant()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync("tenant_user");
        (await Admin.PutAsync($"/v1/users/{user.Id}/roles", new { roles = new[] { "tenant_viewer" } })).Ok();
        (await Admin.PutAsync($"/v1/users/{user.Id}/module-permissions", new { permissions = Array.Empty<string>() })).Ok();
        (await Admin.PutAsync($"/v1/tenants/{tenant.Id}/rate-limits", new { user = new { requests_per_minute = 100 } })).Ok();
        var rows = (await Admin.AuditAsync($"resource_id={user.Id}")).Concat(await Admin.AuditAsync($"resource_id={tenant.Id}&action=rate_limits.update")).ToList();
        Assert.Equal(
            ["rate_limits.update", "user.create", "user.module_permission_update", "user.role_update"], rows.Select(row => (string)row["action"]!).Order(StringComparer.Ordinal));
        Assert.All(rows, row => Assert.Equal((tenant.Id, tenant.PartnerId), ((string?)row["tenant_id"], (string?)row["partner_id"])));
    }

    [Fact]
    public async Task ReadsAndInference_LeaveNoRow()
    {
        var marker = Fresh.Name();
        (await Admin.SendAsync(HttpMethod.Get, "/v1/audit-log", null, ("X-Request-Id", $"{marker}-1"))).Ok();
        const string Chat = """{"model":"scailabs/echo","messages":[{"role":"user","content":"hi"}]}""";
        (await Admin.SendAsync(HttpMethod.Post, "/v1/inference/chat", Chat, ("X-Request-Id", $"{marker}-2"))).Ok();
        Assert.Equal(200, (int)(await Admin.SendAsync(HttpMethod.Post, "/oai/v1/chat/completions", Chat, ("X-Request-Id", $"{marker}-3"))).Status);
        Assert.DoesNotContain(await Admin.AuditAsync(""), row => ((string)row["request_id"]!).StartsWith(marker, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Secrets_AreNowhereInTheLog()
    {
        var name = Fresh.Name();
        var provider = (await Admin.PostAsync(
            "/v1/providers",
            new { name, type = "custom", config = new { base_url = $"http://user:{Canary}@127.0.0.1:9/v1?key={Canary}", api_key = Canary, headers = new { Authorization = $"Bearer {Canary}" } } })).Status == System.Net.HttpStatusCode.Created
            ? (await Admin.GetAsync("/v1/providers?limit=1")).Ok()["items"]![0]!
            : (await Admin.PostAsync("/v1/providers", new { name, type = "custom", config = new { base_url = "http://127.0.0.1:9/v1", api_key = Canary, headers = new { Authorization = $"Bearer {Canary}" } } })).Created();
        var id = (string)provider["id"]!;
        (await Admin.PutAsync($"/v1/providers/{id}", new { config = new { base_url = "http://127.0.0.1:9/v1", api_key = Canary + "2" } })).Ok();
        var key = (await Admin.CreateKeyAsync(name)).Key;

        var text = (await Admin.GetAsync($"/v1/audit-log?limit=1000&resource_id={id}")).Text;
        Assert.Contains("provider.update", text, StringComparison.Ordinal);
        Assert.Contains("••••", text, StringComparison.Ordinal);
        foreach (var format in (string[])["csv", "json", "ndjson"])
        {
            var export = (await Admin.GetAsync($"/v1/audit-log/export?format={format}")).Text;
            Assert.Contains(id, export, StringComparison.Ordinal);
            Assert.DoesNotContain(Canary, export, StringComparison.Ordinal);
            Assert.DoesNotContain(key, export, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task List_IsFilteredAndPaged()
    {
        var model = (string)(await Admin.PostAsync("/v1/models", new { slug = Fresh.Slug() })).Created()["id"]!;
        for (var i = 0; i < 4; i++)
        {
            (await Admin.PutAsync($"/v1/models/{model}", new { description = $"version {i}" })).Ok();
        }

        Assert.Equal(5, (await Admin.IdsAsync($"/v1/audit-log?resource_id={model}", limit: 2)).Distinct().Count());
        Assert.Equal(4, (await Admin.AuditAsync($"resource_id={model}&action=model.update&resource_type=model&status=SUCCESS")).Count);
        Assert.Empty(await Admin.AuditAsync($"resource_id={model}&status=FAILURE"));
        var rows = await Admin.AuditAsync($"resource_id={model}");
        var third = Uri.EscapeDataString((string)rows[2]["timestamp"]!);
        Assert.Equal(3, (await Admin.AuditAsync($"resource_id={model}&start={third}")).Count);
        Assert.Equal(2, (await Admin.AuditAsync($"resource_id={model}&end={third}")).Count);
        Assert.Equal(5, (await Admin.AuditAsync($"resource_id={model}&actor_id={rows[0]["actor_id"]}&ip_address={rows[0]["ip_address"]}")).Count);
        Assert.Empty(await Admin.AuditAsync($"resource_id={model}&ip_address=198.51.100.1"));
        (await Admin.GetAsync("/v1/audit-log?status=MAYBE")).Invalid("status");
        (await Admin.GetAsync("/v1/audit-log?start=yesterday")).Invalid("start");
        (await Admin.GetAsync("/v1/audit-log/export?format=xml")).Invalid("format");

        // A long change is truncated.
        (await Admin.PutAsync($"/v1/models/{model}", new { description = new string('x', 4000) })).Ok();
        Assert.InRange((await Admin.AuditAsync($"resource_id={model}"))[0]["changes"]!.ToJsonString().Length, 1000, 3000);
    }

    [Fact]
    public async Task Export_HasWhatTheListHas_InEachFormat()
    {
        var model = (string)(await Admin.PostAsync("/v1/models", new { slug = Fresh.Slug(), description = "a \"quoted\", line\r\nbreak" })).Created()["id"]!;
        (await Admin.PutAsync($"/v1/models/{model}", new { display_name = "Größe 😀" })).Ok();
        var listed = (await Admin.AuditAsync($"resource_id={model}")).Select(row => row.ToJsonString()).ToList();

        var json = await Admin.GetAsync($"/v1/audit-log/export?format=json&resource_id={model}");
        Assert.Equal(listed, JsonNode.Parse(json.Text)!.AsArray().Select(row => row!.ToJsonString()));
        Assert.Contains("attachment", json.Headers["Content-Disposition"], StringComparison.Ordinal);
        var lines = await Admin.GetAsync($"/v1/audit-log/export?format=ndjson&resource_id={model}");
        Assert.Equal(listed, lines.Text.TrimEnd('\n').Split('\n').Select(line => JsonNode.Parse(line)!.ToJsonString()));
        var csv = await Admin.GetAsync($"/v1/audit-log/export?format=csv&resource_id={model}");
        Assert.StartsWith("text/csv", csv.Headers["Content-Type"], StringComparison.Ordinal);
        var rows = csv.Text.TrimEnd('\n', '\r').Split("\r\n");
        Assert.Equal(3, rows.Length);
        Assert.StartsWith("id,timestamp,action,", rows[0], StringComparison.Ordinal);
        Assert.Contains("\"[{\"\"resource\"\":\"\"models\"\"", rows[1], StringComparison.Ordinal);
        Assert.Equal("[]", (await Admin.GetAsync("/v1/audit-log/export?resource_id=nobody")).Text);
    }

    [Fact]
    public async Task Rows_CannotBeWritten()
    {
        foreach (var method in (HttpMethod[])[HttpMethod.Post, HttpMethod.Put, HttpMethod.Patch, HttpMethod.Delete])
        {
            (await Admin.SendAsync(method, "/v1/audit-log", "{}")).Error(405, "METHOD_NOT_ALLOWED");
            Assert.True((int)(await Admin.SendAsync(method, "/v1/audit-log/audit_01ARZ3NDEKTSV4RRFFQ69G5FAV", "{}")).Status is 404 or 405);
        }
    }

    [Fact]
    public async Task WritersAtOnce_MakeOneWholeChain()
    {
        var names = Enumerable.Range(0, 24).Select(_ => Fresh.Name()).ToList();
        await Task.WhenAll(names.Select(name => Admin.CreateKeyAsync(name)));
        var verdict = (await Admin.GetAsync("/v1/audit-log/verify")).Ok();
        Assert.True((bool)verdict["valid"]!, verdict.ToJsonString());
        Assert.True((long)verdict["verified_rows"]! >= 24);
        Assert.Null(verdict["first_break"]);
        var tenant = (string)(await Admin.GetAsync("/v1/me")).Ok()["tenant"]!["id"]!;
        var rows = (await Admin.AuditAsync($"tenant_id={tenant}")).OrderByDescending(row => (long)row["sequence"]!).ToList();
        Assert.All(rows.Zip(rows.Skip(1)), pair => Assert.Equal((string?)pair.Second["hash"], (string?)pair.First["previous_hash"]));
        (await Admin.GetAsync("/v1/audit-log/verify?tenant_id=tnt_nobody")).Error(404, "NOT_FOUND");
    }
}
