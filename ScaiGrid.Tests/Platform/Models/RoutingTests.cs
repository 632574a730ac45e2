using System.Text.Json;
using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Models;

public sealed class RoutingTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task Put_ReplacesAllTargetsAndShowsThemInOrder()
    {
        var (path, first) = await MappedAsync();
        var second = await CreateBackendAsync();
        var routing = (await Admin.PutAsync(path, new { targets = new object[] { new { backend_id = second, weight = 3, priority = 1 }, new { backend_id = first } } })).Ok();
        Assert.Equal($$"""[{"backend_id":"{{first}}","weight":1,"priority":0},{"backend_id":"{{second}}","weight":3,"priority":1}]""", routing["targets"]!.ToJsonString());
        Assert.Equal("weighted", (string?)routing["strategy"]);
        routing = (await Admin.PutAsync(path, new { targets = new[] { new { backend_id = second, weight = 0, priority = 1000 } } })).Ok();
        Assert.Equal($$"""[{"backend_id":"{{second}}","weight":0,"priority":1000}]""", routing["targets"]!.ToJsonString());
        Assert.Equal(routing.ToJsonString(), (await Admin.GetAsync(path)).Ok().ToJsonString());
    }

    [Theory]
    [InlineData("""{}""", "targets")]
    [InlineData("""{"targets":"all"}""", "targets")]
    [InlineData("""{"targets":[null]}""", "targets[0].backend_id")]
    [InlineData("""{"targets":[{"weight":1}]}""", "targets[0].backend_id")]
    [InlineData("""{"targets":[{"backend_id":"be_01ARZ3NDEKTSV4RRFFQ69G5FAV"}]}""", "targets[0].backend_id")]
    [InlineData("""{"targets":[{"backend_id":"BACKEND","weight":-1}]}""", "targets[0].weight")]
    [InlineData("""{"targets":[{"backend_id":"BACKEND","weight":10001}]}""", "targets[0].weight")]
    [InlineData("""{"targets":[{"backend_id":"BACKEND","priority":-1}]}""", "targets[0].priority")]
    [InlineData("""{"targets":[{"backend_id":"BACKEND","weight":1.5}]}""", "targets[0].weight")]
    [InlineData("""{"targets":[{"backend_id":"BACKEND"},{"backend_id":"BACKEND"}]}""", "targets[1].backend_id")]
    [InlineData("""{"targets":[],"strategy":"coin_toss"}""", "strategy")]
    public async Task WrongPolicy_IsNamedAndChangesNothing(string body, string field)
    {
        var (path, backend) = await MappedAsync();
        var before = (await Admin.GetAsync(path)).Text;
        (await Admin.SendAsync(HttpMethod.Put, path, body.Replace("BACKEND", backend, StringComparison.Ordinal))).Invalid(field);
        Assert.Equal(before, (await Admin.GetAsync(path)).Text);
    }

    [Fact]
    public async Task MoreThan64Targets_AreRefused()
    {
        var (path, backend) = await MappedAsync();
        var targets = new JsonArray([.. Enumerable.Repeat(backend, 65).Select(id => new JsonObject { ["backend_id"] = id })]);
        (await Admin.SendAsync(HttpMethod.Put, path, new JsonObject { ["targets"] = targets }.ToJsonString())).Invalid("targets");
    }

    [Fact]
    public async Task DeletedBackend_LeavesTheRouting()
    {
        var (path, backend) = await MappedAsync();
        (await Admin.DeleteAsync($"/v1/backends/{backend}")).NoContent();
        Assert.Empty((await Admin.GetAsync(path)).Ok()["targets"]!.AsArray());
    }

    [Fact]
    public async Task DisabledBackend_GetsNoCalls()
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel);
        var backend = (string)(await Admin.GetAsync($"/v1/models/{Uri.EscapeDataString(slug)}/routing")).Ok()["targets"]![0]!["backend_id"]!;
        (await Admin.PutAsync($"/v1/backends/{backend}", new { status = "disabled" })).Ok();
        (await Admin.ChatAsync(slug)).Error(503, "MODEL_UNAVAILABLE");
        Assert.Empty(Grid.Upstream.CallsOf(upstreamModel));
        var model = (await Admin.GetAsync($"/v1/models/{slug}")).Ok();
        Assert.Equal(("unavailable", 0, 1), ((string)model["health_status"]!, (int)model["active_backend_count"]!, (int)model["total_backend_count"]!));
        (await Admin.PutAsync($"/v1/backends/{backend}", new { status = "active" })).Ok();
        (await Admin.ChatAsync(slug)).Ok();
    }

    /// <summary>A client that retried would only get the same answer.</summary>
    [Fact]
    public async Task NoTargets_AsksNobodyToRetry()
    {
        var slug = (string)(await Admin.PostAsync("/v1/models", new { slug = Fresh.Slug() })).Created()["slug"]!;
        var answer = await Admin.ChatAsync(slug);
        Assert.Null(answer.Error(503, "MODEL_UNAVAILABLE")["retry_after"]);
        Assert.False(answer.Headers.ContainsKey("Retry-After"));

        var openAi = await Admin.ChatAsync(slug, path: "/oai/v1/chat/completions");
        openAi.OpenAiError(503, "model_unavailable");
        Assert.Equal(("false", false), (openAi.Headers["x-should-retry"], openAi.Headers.ContainsKey("Retry-After")));
    }

    private async Task<(string RoutingPath, string BackendId)> MappedAsync()
    {
        var model = (string)(await Admin.PostAsync("/v1/models", new { slug = Fresh.Slug() })).Created()["id"]!;
        var path = $"/v1/models/{model}/routing";
        var backend = await CreateBackendAsync();
        (await Admin.SendAsync(HttpMethod.Put, path, JsonSerializer.Serialize(new { targets = new[] { new { backend_id = backend } } }))).Ok();
        return (path, backend);
    }

    private async Task<string> CreateBackendAsync()
    {
        var provider = (string)(await Admin.PostAsync("/v1/providers", new { name = Fresh.Name(), type = "openai" })).Created()["id"]!;
        return (string)(await Admin.PostAsync("/v1/backends", new { provider_id = provider, model = "m" })).Created()["id"]!;
    }
}
