using System.Text.Json.Nodes;
using ScaiGrid.Tests.Inference.Providers.Conformance;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Models;

/// <summary>
/// A stored secret is bound to the host for which it was set: a caller who may edit a provider cannot get it by having calls sent to another server.
/// </summary>
public sealed class CredentialHostTests(Grid grid) : GridTest(grid)
{
    [Theory]
    [InlineData("{}", new[] { "config.api_key", "config.headers" })]
    [InlineData("""{"api_key":"•••• 4321","headers":{"X-Team":"•••• 8765"}}""", new[] { "config.api_key", "config.headers.X-Team" })]
    [InlineData("""{"api_key":"sk-new-secret-1111"}""", new[] { "config.headers" })]
    [InlineData("""{"headers":{}}""", new[] { "config.api_key" })]
    public async Task AnotherHost_DoesNotGetTheStoredSecrets(string secrets, string[] fields)
    {
        var provider = await CreateAsync();
        foreach (var elsewhere in new[] { "https://elsewhere.example/v1", Grid.Upstream.BaseUrl.Replace("http:", "https:", StringComparison.Ordinal), "http://127.0.0.1:1/v1" })
        {
            var config = JsonNode.Parse(secrets)!.AsObject();
            config["base_url"] = elsewhere;
            (await Admin.SendAsync(HttpMethod.Put, $"/v1/providers/{provider}", new JsonObject { ["config"] = config }.ToJsonString())).Invalid(fields);
        }

        var kept = (await Admin.GetAsync($"/v1/providers/{provider}")).Ok()["config"]!;
        Assert.Equal(Grid.Upstream.BaseUrl, (string?)kept["base_url"]);
        Assert.Equal("•••• 4321", (string?)kept["api_key"]);
    }

    [Fact]
    public async Task AnotherHostWithItsOwnSecrets_IsTaken()
    {
        var provider = await CreateAsync();
        var answer = await Admin.SendAsync(
            HttpMethod.Put, $"/v1/providers/{provider}", """{"config":{"base_url":"https://elsewhere.example/v1","api_key":"sk-elsewhere-2222","headers":null}}""");
        Assert.Equal(["base_url", "api_key"], answer.Ok()["config"]!.AsObject().Select(field => field.Key));
        Assert.Equal("•••• 2222", (string?)answer.Ok()["config"]!["api_key"]);

        // The same host in another spelling, with another path.
        (await Admin.PutAsync($"/v1/providers/{provider}", new { config = new { base_url = "https://ELSEWHERE.example:443/v2" } })).Ok();
        (await Admin.SendAsync(HttpMethod.Put, $"/v1/providers/{provider}", """{"config":{"base_url":"http://plain.example","api_key":null}}""")).Ok();

        // Without stored secrets the host can be changed freely.
        (await Admin.PutAsync($"/v1/providers/{provider}", new { config = new { base_url = "http://other.example" } })).Ok();
    }

    [Fact]
    public async Task OtherAddressOfAType_IsOneToo()
    {
        var config = new { api_key = "sk-qwen-secret-1212" };
        var provider = (string)(await Admin.PostAsync("/v1/providers", new { name = Fresh.Name(), type = "qwen", config })).Created()["id"]!;
        (await Admin.PutAsync($"/v1/providers/{provider}", new { config = new { api_url = "https://elsewhere.example" } })).Invalid("config.api_key");
    }

    /// <summary>
    /// The same for a backend, which then keeps its provider's key. It is refused while a backend has its own key, which was not set for the new address.
    /// </summary>
    [Fact]
    public async Task OtherAddressOnTheSameHost_NeedsNothingAnew()
    {
        await using var vendor = await FakeVendor.StartAsync();
        vendor.At("/compatible/chat/completions", """{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}""");
        var (base_url, api_url) = ($"{vendor.Address}/compatible", $"{vendor.Address}/own");
        var config = new { base_url, api_key = "sk-qwen-secret-1212" };
        var provider = (string)(await Admin.PostAsync("/v1/providers", new { name = Fresh.Name(), type = "qwen", config })).Created()["id"]!;
        var backend = (string)(await Admin.PostAsync("/v1/backends", new { provider_id = provider, model = "m", connection_config = new { api_url } })).Created()["id"]!;
        (await Admin.ChatAsync(await RouteAsync(backend))).Ok();
        Assert.Equal("Bearer sk-qwen-secret-1212", vendor.Calls.Last().Headers["Authorization"]);

        var elsewhere = new { base_url = "https://elsewhere.example", api_key = "sk-its-own-5555" };
        var own = (string)(await Admin.PostAsync("/v1/backends", new { provider_id = provider, model = "m", connection_config = elsewhere })).Created()["id"]!;
        (await Admin.PutAsync($"/v1/providers/{provider}", new { config = new { base_url, api_url } })).Invalid("config.api_url");
        (await Admin.DeleteAsync($"/v1/backends/{own}")).NoContent();
        Assert.Equal("•••• 1212", (string?)(await Admin.PutAsync($"/v1/providers/{provider}", new { config = new { base_url, api_url } })).Ok()["config"]!["api_key"]);
    }

    [Fact]
    public async Task BackendElsewhere_DoesNotGetItsProvidersSecrets()
    {
        var provider = await CreateAsync();
        await using var elsewhere = new ScriptedUpstream();
        await elsewhere.InitializeAsync();
        var seen = new List<string?>();
        var url = elsewhere.Play(context =>
        {
            seen.AddRange([(string?)context.Request.Headers.Authorization, (string?)context.Request.Headers["X-Team"]]);
            return context.AnswerAsync("""{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}""");
        });
        (await Admin.PostAsync("/v1/backends", new { provider_id = provider, model = "m", connection_config = new { base_url = url } }))
            .Invalid("connection_config.api_key", "connection_config.headers");
        var backend = (string)(await Admin.SendAsync(
            HttpMethod.Post,
            "/v1/backends",
            $$$"""{"provider_id":"{{{provider}}}","model":"m","connection_config":{"base_url":"{{{url}}}","api_key":null,"headers":null}}""")).Created()["id"]!;
        var slug = await RouteAsync(backend);
        (await Admin.ChatAsync(slug)).Ok();
        Assert.Equal([null, null], seen);

        // Unchanged settings need no secrets again. A backend's own key is bound to its host.
        (await Admin.PutAsync($"/v1/backends/{backend}", new { connection_config = new { base_url = url } })).Ok();
        (await Admin.PutAsync($"/v1/backends/{backend}", new { connection_config = new { base_url = url, api_key = "sk-its-own-3333" } })).Ok();
        (await Admin.PutAsync($"/v1/backends/{backend}", new { connection_config = new { base_url = "http://third.example", headers = new { } } })).Invalid("connection_config.api_key");
        (await Admin.PutAsync($"/v1/backends/{backend}", new { connection_config = new { } })).Invalid("connection_config.api_key");
        seen.Clear();
        (await Admin.ChatAsync(slug)).Ok();
        Assert.Equal(["Bearer sk-its-own-3333", null], seen);
    }

    [Fact]
    public async Task ProviderElsewhere_DoesNotTakeItsBackendsSecretsAlong()
    {
        var provider = (string)(await Admin.PostAsync(
            "/v1/providers", new { name = Fresh.Name(), type = "custom", config = new { base_url = Grid.Upstream.BaseUrl } })).Created()["id"]!;
        var backend = (string)(await Admin.PostAsync(
            "/v1/backends", new { provider_id = provider, model = "m", connection_config = new { api_key = "sk-its-own-4444" } })).Created()["id"]!;
        var moved = new { config = new { base_url = "https://elsewhere.example/v1" } };
        (await Admin.PutAsync($"/v1/providers/{provider}", moved)).Invalid("config.base_url");
        (await Admin.PutAsync($"/v1/backends/{backend}", new { connection_config = new { base_url = Grid.Upstream.BaseUrl, api_key = "sk-its-own-4444" } })).Ok();
        (await Admin.PutAsync($"/v1/providers/{provider}", moved)).Ok();
    }

    private async Task<string> CreateAsync()
    {
        var config = new { base_url = Grid.Upstream.BaseUrl, api_key = "sk-provider-secret-4321", headers = new Dictionary<string, string> { ["X-Team"] = "header-secret-8765" } };
        return (string)(await Admin.PostAsync("/v1/providers", new { name = Fresh.Name(), type = "custom", config })).Created()["id"]!;
    }

    private async Task<string> RouteAsync(string backend)
    {
        var slug = $"test/{Fresh.Name()}";
        var model = (string)(await Admin.PostAsync(
            "/v1/models", new { slug, display_name = "Test", modality = "chat", input_price_per_mtok = "1", output_price_per_mtok = "1" })).Created()["id"]!;
        (await Admin.PutAsync($"/v1/models/{model}/routing", new { strategy = "weighted", targets = new[] { new { backend_id = backend, weight = 1, priority = 0 } } })).Ok();
        return slug;
    }
}
