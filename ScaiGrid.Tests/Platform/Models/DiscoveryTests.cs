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

        // Usage records refer to the version of the prices.
        if (Grid.Services is { } services)
        {
            var price = await services.MariaDb.RowAsync("SELECT * FROM model_prices WHERE model_id = @id", ("id", (string)model["id"]!));
            Assert.Equal(("1", "3000000000"), (price["version"], price["input_price_per_mtok"]));
        }

        var rest = (await Admin.SendAsync(HttpMethod.Post, path)).Ok();
        Assert.Equal(2, (int)rest["imported"]!);
        var odd = rest["models"]!.AsArray().Single(item => (string?)item!["id"] == "odd name")!;
        Assert.NotNull((string?)odd["skipped"]);
        Assert.Equal(0, (int)(await Admin.SendAsync(HttpMethod.Post, path)).Ok()["imported"]!);
    }

    [Fact]
    public async Task HiddenCharactersOfAModelsName_AreNotImported()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Models = """{"data":[{"id":"m","name":"Good\u202e \u0000model\n"},{"id":"n","name":"\u0000"}]}""";
        var (provider, name) = await CreateProviderAsync(upstream.BaseUrl);
        Assert.Equal(2, (int)(await Admin.SendAsync(HttpMethod.Post, $"/v1/providers/{provider}/discover?import=true")).Ok()["imported"]!);
        Assert.Equal("Good model", (string?)(await Admin.GetAsync($"/v1/models/{name}/m")).Ok()["display_name"]);
        Assert.Equal("n", (string?)(await Admin.GetAsync($"/v1/models/{name}/n")).Ok()["display_name"]);
    }

    /// <summary>Some upstreams count the window without the output.</summary>
    [Fact]
    public async Task ImportedModelWhoseOutputIsLargerThanItsWindow_HasNoLimit_AndCanBeChanged()
    {
        await using var google = await FakeVendor.StartAsync();
        google.At("/models?pageSize=1000", """{"models":[{"name":"models/m-tts","inputTokenLimit":8192,"outputTokenLimit":16384},{"name":"models/n","inputTokenLimit":8192,"outputTokenLimit":4096}]}""");
        var provider = await google.ConnectProviderAsync(Admin, "google");
        var found = (await Admin.PostAsync($"/v1/providers/{provider}/discover?import=true", new { })).Ok()["models"]!.AsArray();
        Assert.Equal([(8192, null), (8192, 4096)], await Task.WhenAll(found.Select(async model =>
        {
            var id = (string)model!["model_id"]!;
            (await Admin.PutAsync($"/v1/models/{id}", new { description = "Imported" })).Ok();
            var saved = (await Admin.GetAsync($"/v1/models/{id}")).Ok();
            return ((int?)saved["context_window"], (int?)saved["max_output_tokens"]);
        })));
        (await Admin.PutAsync($"/v1/models/{(string)found[1]!["model_id"]!}", new { max_output_tokens = 8193 })).Error(422, "VALIDATION_ERROR");
        (await Admin.PutAsync($"/v1/models/{(string)found[1]!["model_id"]!}", new { context_window = 4095 })).Error(422, "VALIDATION_ERROR");
    }

    /// <summary>As Groq and OpenRouter name it.</summary>
    [Theory]
    [InlineData("""{"id":"m","context_window":131072,"max_completion_tokens":32768}""")]
    [InlineData("""{"id":"m","context_length":131072,"top_provider":{"context_length":131072,"max_completion_tokens":32768,"is_moderated":false}}""")]
    public async Task OutputLimit_IsFoundUnderItsOtherNames(string model)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Models = $$"""{"data":[{{model}}]}""";
        var (provider, _) = await CreateProviderAsync(upstream.BaseUrl);
        var found = (await Admin.PostAsync($"/v1/providers/{provider}/discover", new { })).Ok()["models"]![0]!;
        Assert.Equal((131072, 32768), ((int)found["context_window"]!, (int)found["max_output_tokens"]!));
    }

    [Fact]
    public async Task GooglesModelsThatNoOperationCanCall_AreLeftOut()
    {
        await using var google = await FakeVendor.StartAsync();
        google.At(
            "/models?pageSize=1000",
            """
            {"models":[
              {"name":"models/gemini-a","supportedGenerationMethods":["generateContent","countTokens"]},
              {"name":"models/vectors","supportedGenerationMethods":["embedContent","countTokens"]},
              {"name":"models/imagen-b","supportedGenerationMethods":["predict"]},
              {"name":"models/veo-c","supportedGenerationMethods":["predictLongRunning"]},
              {"name":"models/gemini-live","supportedGenerationMethods":["countTokens","bidiGenerateContent"]},
              {"name":"models/unsaid"}]}
            """);
        var provider = await google.ConnectProviderAsync(Admin, "google");
        var found = (await Admin.PostAsync($"/v1/providers/{provider}/discover", new { })).Ok()["models"]!.AsArray();
        Assert.Equal(
            [("gemini-a", "chat"), ("vectors", "embedding"), ("imagen-b", "image"), ("unsaid", "chat")],
            found.Select(model => ((string)model!["id"]!, (string)model["modality"]!)));
    }

    [Theory]
    [InlineData("{\"data\":[{\"id\":\"m\",\"name\":\"\u00e9\"}]}")]
    [InlineData("{\"data\":[{\"id\":\"m\",\"na\\ud83d\":1}]}")]
    public async Task TextThatCannotBeRead_IsADiscoveryError(string list)
    {
        await using var vendor = await FakeVendor.StartAsync();
        vendor.At("/models", System.Text.Encoding.Latin1.GetBytes(list), "application/json");
        var provider = await vendor.ConnectProviderAsync(Admin, "custom");
        (await Admin.PostAsync($"/v1/providers/{provider}/discover", new { })).Error(502, "PROVIDER_DISCOVERY_ERROR");
    }

    [Fact]
    public async Task TextThatNobodyReads_MayBeAnything()
    {
        await using var vendor = await FakeVendor.StartAsync();
        vendor.At("/models", System.Text.Encoding.Latin1.GetBytes("{\"data\":[{\"id\":\"m\",\"description\":\"\u00e9\"}]}"), "application/json");
        var provider = await vendor.ConnectProviderAsync(Admin, "custom");
        Assert.Single((await Admin.PostAsync($"/v1/providers/{provider}/discover", new { })).Ok()["models"]!.AsArray());
    }

    [Theory]
    [InlineData("openai", "/v1", null, "/v1/models", "Authorization", """{"data":[{"id":"m-embedding-1"}]}""", "embedding", null)]
    [InlineData("custom", "/v1", null, "/v1/models", "Authorization", """[{"id":"m","object":"model","type":"chat","context_length":8192}]""", "chat", 8192)]
    [InlineData("azure", "", null, "/openai/v1/models", "api-key", """{"data":[{"id":"m","capabilities":{"chat_completion":false,"embeddings":true}}]}""", "embedding", null)]
    [InlineData("azure", "/openai/v1", null, "/openai/v1/models", "api-key", """{"data":[{"id":"m"}]}""", "chat", null)]
    [InlineData("azure", "", "2024-10-21", "/openai/models?api-version=2024-10-21", "api-key", """{"data":[{"id":"m","capabilities":{"chat_completion":true}}]}""", "chat", null)]
    [InlineData("mistral", "/v1", null, "/v1/models", "Authorization", """{"data":[{"id":"m","capabilities":{"completion_chat":false,"audio_speech":true},"max_context_length":4096}]}""", "audio", 4096)]
    [InlineData("qwen", "/compatible-mode/v1", null, "/compatible-mode/v1/models", "Authorization", """{"data":[{"id":"m-tts-flash"}]}""", "audio", null)]
    [InlineData("anthropic", "/v1", null, "/v1/models?limit=1000", "x-api-key", """{"data":[{"type":"model","id":"m","max_input_tokens":200000}]}""", "chat", 200000)]
    [InlineData("google", "/v1beta", null, "/v1beta/models?pageSize=1000", "x-goog-api-key", """{"models":[{"name":"models/m","inputTokenLimit":1048576}]}""", "chat", 1048576)]
    public async Task EveryVendor_IsAskedAtItsOwnAddress(string type, string path, string? version, string expected, string keyHeader, string listing, string modality, int? window)
    {
        await using var vendor = await FakeVendor.StartAsync();
        vendor.At(expected, listing);
        var provider = await vendor.ConnectProviderAsync(Admin, type, path, version is null ? null : new { api_version = version });
        var found = Assert.Single((await Admin.PostAsync($"/v1/providers/{provider}/discover", new { })).Ok()["models"]!.AsArray())!;
        Assert.Equal((modality, window), ((string?)found["modality"], (int?)found["context_window"]));
        Assert.EndsWith(FakeVendor.Key, vendor.Calls.Last().Headers[keyHeader], StringComparison.Ordinal);

        var backend = (await Admin.PostAsync("/v1/backends", new { provider_id = provider, model = "m" })).Created();
        var probed = (await Admin.PostAsync($"/v1/backends/{(string)backend["id"]!}/probe", new { })).Ok();
        Assert.True((bool)probed["probe"]!["is_alive"]!, probed.ToJsonString());
        Assert.Equal([expected, expected], vendor.Calls.Select(call => call.Path));
    }

    [Theory]
    [InlineData("no JSON")]
    [InlineData("7")]
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
