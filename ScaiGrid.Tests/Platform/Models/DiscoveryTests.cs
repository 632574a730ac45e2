using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Models;

public sealed class DiscoveryTests(Grid grid) : GridTest(grid)
{
    private const string Listing =
        """{"object":"list","data":[{"id":"llama-3.3","object":"model","max_model_len":8192},{"id":"text-embedding-3-small"},{"id":"whisper-1"},{"id":"odd name"},{"id":"llama-3.3"},{"object":"model"},7]}""";

    [Fact]
    public async Task Discover_ListsWhatTheUpstreamServes_AndMakesNothing()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Models = Listing;
        var (provider, _) = await CreateProviderAsync(upstream.BaseUrl);
        var found = (await Admin.PostAsync($"/v1/providers/{provider}/discover", new { })).Ok();
        Assert.Equal(
            [("llama-3.3", "chat", 8192), ("text-embedding-3-small", "embedding", null), ("whisper-1", "audio", null), ("odd name", "chat", (int?)null)],
            found["models"]!.AsArray().Select(model => ((string)model!["id"]!, (string)model["modality"]!, (int?)model["context_window"])));
        Assert.All(found["models"]!.AsArray(), model => Assert.Null(model!["backend_id"]));
        Assert.Equal(0, (int)found["imported"]!);
    }

    [Fact]
    public async Task Import_MakesWhatIsNew_ReadyToBeCalled_AndASecondOneNothing()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Models = Listing;
        upstream.Play("llama-3.3", new UpstreamScript());
        var (provider, name) = await CreateProviderAsync(upstream.BaseUrl);
        var path = $"/v1/providers/{provider}/discover?import=true";

        var some = (await Admin.PostAsync(path, new { models = new[] { "llama-3.3" }, input_price_per_mtok = "3", output_price_per_mtok = "4" })).Ok();
        Assert.Equal(1, (int)some["imported"]!);
        (await Admin.ChatAsync($"{name}/llama-3.3")).Ok();
        var model = (await Admin.GetAsync($"/v1/models/{name}/llama-3.3")).Ok();
        Assert.Equal(("3", "4", 8192), ((string?)model["input_price_per_mtok"], (string?)model["output_price_per_mtok"], (int?)model["context_window"]));

        var rest = (await Admin.SendAsync(HttpMethod.Post, path)).Ok();
        Assert.Equal(2, (int)rest["imported"]!);
        var odd = rest["models"]!.AsArray().Single(item => (string?)item!["id"] == "odd name")!;
        Assert.NotNull((string?)odd["skipped"]);
        Assert.Equal(0, (int)(await Admin.SendAsync(HttpMethod.Post, path)).Ok()["imported"]!);
    }

    [Theory]
    [InlineData("no JSON")]
    [InlineData("[]")]
    [InlineData("""{"data":{}}""")]
    public async Task AnswerThatIsNoList_IsADiscoveryError(string listing)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Models = listing;
        var (provider, _) = await CreateProviderAsync(upstream.BaseUrl);
        (await Admin.PostAsync($"/v1/providers/{provider}/discover", new { })).Error(502, "PROVIDER_DISCOVERY_ERROR");
    }

    [Fact]
    public async Task UpstreamThatIsGone_IsADiscoveryError_AndAnUnknownProviderIsNotFound()
    {
        var (provider, _) = await CreateProviderAsync($"http://127.0.0.1:{FreePort.Next()}/v1");
        var answer = await Admin.PostAsync($"/v1/providers/{provider}/discover?import=true", new { });
        answer.Error(502, "PROVIDER_DISCOVERY_ERROR");
        Assert.DoesNotContain("sk-upstream", answer.Text, StringComparison.Ordinal);
        (await Admin.PostAsync("/v1/providers/prov_01ARZ3NDEKTSV4RRFFQ69G5FAV/discover", new { })).Error(404, "PROVIDER_NOT_FOUND");
    }

    private async Task<(string Id, string Name)> CreateProviderAsync(string baseUrl)
    {
        var name = $"found-{Guid.CreateVersion7():N}"[^14..];
        var body = new JsonObject { ["name"] = name, ["type"] = "custom", ["config"] = new JsonObject { ["base_url"] = baseUrl, ["api_key"] = "sk-upstream-secret-1234" } };
        return ((string)(await Admin.SendAsync(HttpMethod.Post, "/v1/providers", body.ToJsonString())).Created()["id"]!, name);
    }
}
