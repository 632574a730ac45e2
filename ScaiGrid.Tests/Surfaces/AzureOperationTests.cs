using System.Text;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Azure's operations: OpenAI's formats at Azure's own addresses.</summary>
public sealed class AzureOperationTests(Grid grid) : GridTest(grid)
{
    [Theory]
    [InlineData(null, "/openai/v1")]
    [InlineData("2024-10-21", "/openai/deployments/their-model")]
    public async Task Operations_AreAtTheVersionsAddresses(string? version, string path)
    {
        await using var azure = await FakeVendor.StartAsync();
        var query = version is null ? "" : $"?api-version={version}";
        azure.At($"{path}/embeddings{query}", """{"data":[{"index":0,"embedding":[0.25,0.5]}],"usage":{"prompt_tokens":3,"total_tokens":3}}""")
            .At($"{path}/audio/speech{query}", [1, 2, 3], "audio/mpeg")
            .At($"{path}/audio/transcriptions{query}", """{"text":"said"}""");
        object config = version is null ? new { } : new { api_version = version };

        var embedding = await azure.ConnectAsync(Admin, "azure", "embedding", config: config);
        var data = (await Admin.PostAsync("/v1/inference/embed", new { model = embedding, input = "x", dimensions = 2 })).Ok();
        Assert.Equal([0.25f, 0.5f], data["data"]![0]!["embedding"]!.AsArray().Select(value => (float)value!));
        Assert.Equal("""{"model":"their-model","input":"x","dimensions":2}""", azure.Calls.Last().Json);
        Assert.Equal(FakeVendor.Key, azure.Calls.Last().Headers["api-key"]);

        var audio = await azure.ConnectAsync(Admin, "azure", "audio", config: config);
        var speech = await Admin.PostAsync("/oai/v1/audio/speech", new { model = audio, input = "hi", voice = "alloy" });
        Assert.Equal("\u0001\u0002\u0003", speech.Text);
        Assert.Equal("said", (string?)(await Admin.TranscribeAsync("/oai/v1/audio/transcriptions", Encoding.ASCII.GetBytes("a tape"), ("model", audio))).Body()["text"]);
    }

    [Theory]
    [InlineData("b64_json")]
    [InlineData("url")]
    public async Task Pictures_AreHad_WithoutAskingForAFormat(string theirs)
    {
        await using var azure = await FakeVendor.StartAsync();
        var picture = theirs == "url" ? $"{azure.Address}/pixel.png" : Convert.ToBase64String(FakeOperations.Png);
        azure.At("/pixel.png", FakeOperations.Png, "image/png")
            .At("/openai/v1/images/generations", $$"""{"created":1,"data":[{"{{theirs}}":"{{picture}}"}]}""");
        var slug = await azure.ConnectAsync(Admin, "azure", "image");
        var answer = (await Admin.PostAsync("/oai/v1/images/generations", new { model = slug, prompt = "a dot", response_format = "b64_json" })).Body();
        Assert.Equal(FakeOperations.Png, Convert.FromBase64String((string)answer["data"]![0]!["b64_json"]!));
        Assert.Equal("""{"model":"their-model","prompt":"a dot"}""", azure.Calls.First().Json);
        var link = (string)(await Admin.PostAsync("/v1/inference/images/generate", new { model = slug, prompt = "a dot" })).Ok()["data"]![0]!["url"]!;
        Assert.Equal(FakeOperations.Png, await Admin.Http.GetByteArrayAsync(new Uri(link)));
        Assert.All(azure.Calls.Where(call => call.Path == "/pixel.png"), call => Assert.False(call.Headers.ContainsKey("api-key")));
    }

    [Fact]
    public async Task Moderation_IsNotOneOfThem()
    {
        await using var azure = await FakeVendor.StartAsync();
        var slug = await azure.ConnectAsync(Admin, "azure", "chat");
        var error = (await Admin.PostAsync("/oai/v1/moderations", new { model = slug, input = "x" })).OpenAiError(502, "backend_error");
        Assert.Contains("moderations", (string?)error["message"], StringComparison.Ordinal);
        Assert.Empty(azure.Calls);
    }
}
