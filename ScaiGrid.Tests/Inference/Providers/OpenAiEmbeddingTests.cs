using System.Collections.Frozen;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Streaming;
using Xunit;

namespace ScaiGrid.Tests.Inference.Providers;

/// <summary>Where base64 is requested although the caller wants numbers: only there is it known to be supported.</summary>
public sealed class OpenAiEmbeddingTests
{
    private static readonly JsonRequestReader Requests = new(
        new Dictionary<string, FieldRule> { ["model"] = FieldRule.Text, ["input"] = new(FieldKind.TextOrArray, "") }.ToFrozenDictionary(), "model", "input");

    [Theory]
    [InlineData("openai", null, 513, "base64")]
    [InlineData("openai", "https://api.openai.com/v1/", 513, "base64")]
    [InlineData("openai", null, 512, "float")]
    [InlineData("openai", "https://proxy.example/v1", 513, "float")]
    [InlineData("custom", "https://server.example/v1", 513, "float")]
    [InlineData("azure", "https://resource.example", 513, "base64")]
    [InlineData("azure", "https://resource.example", 512, "float")]
    public async Task ManyInputs_AreRequestedAsBase64(string type, string? baseUrl, int inputs, string encoding)
    {
        using var handler = new ScriptedHandler(HttpStatusCode.OK, "application/json", "{}"u8.ToArray(), []);
        using var http = new UpstreamHttp(handler, TimeProvider.System);
        Assert.True(new ProviderCatalog(http, TimeProvider.System).TryGet(type, out var provider));
        var config = new JsonObject { ["api_key"] = "sk-upstream-secret-1234" };
        if (baseUrl is not null)
        {
            config["base_url"] = baseUrl;
        }

        var body = new PooledBytes();
        body.Append(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(new { model = "m", input = Enumerable.Repeat("a", inputs), encoding_format = "float" })));
        using var request = Requests.Read(body, null, out _)!;
        using var deadline = new CallDeadline(TimeProvider.System, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1), CancellationToken.None, CancellationToken.None, CancellationToken.None);
        var reply = await provider!.Connect(new BackendConnection("be_1", "theirs", config)).Embeddings!.SendAsync(request, Routes.Make(), deadline);
        reply.Document!.Dispose();
        var sent = JsonNode.Parse(handler.Body!)!;
        Assert.Equal(("theirs", inputs, encoding), ((string?)sent["model"], sent["input"]!.AsArray().Count, (string?)sent["encoding_format"]));
    }
}
