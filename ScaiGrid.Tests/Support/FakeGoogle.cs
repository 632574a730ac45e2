using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace ScaiGrid.Tests.Support;

/// <summary>Google's operations other than chat, as published for <c>v1beta</c>. Checks the key's header and records requests.</summary>
public sealed class FakeGoogle : IAsyncDisposable
{
    public const string Key = "google-key-0123456789";

    private readonly WebApplication _app;

    private FakeGoogle(WebApplication app) => _app = app;

    public string BaseUrl => $"{_app.Urls.First()}/v1beta";

    /// <summary>Requests by <c>model:method</c>.</summary>
    public ConcurrentDictionary<string, JsonNode> Received { get; } = new();

    public static async Task<FakeGoogle> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var app = builder.Build();
        var google = new FakeGoogle(app);
        app.MapPost("/v1beta/models/{call}", google.AnswerAsync);
        await app.StartAsync();
        return google;
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task AnswerAsync(string call, HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        var body = JsonNode.Parse(await reader.ReadToEndAsync())!;
        Received[call] = body;
        context.Response.ContentType = "application/json";
        if (context.Request.Headers["x-goog-api-key"] != Key)
        {
            context.Response.StatusCode = 400;
            await context.Response.WriteAsync("""{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}""");
            return;
        }

        var png = Convert.ToBase64String(FakeOperations.Png);
        await context.Response.WriteAsync(call.Split(':')[1] switch
        {
            "batchEmbedContents" => new JsonObject { ["embeddings"] = new JsonArray([.. body["requests"]!.AsArray().Select((_, index) => Vector(index))]) }.ToJsonString(),
            "predict" => $$$"""{"predictions":[{"mimeType":"image/png","bytesBase64Encoded":"{{{png}}}"}]}""",
            _ when body["generationConfig"]!["speechConfig"] is not null =>
                """{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"audio/L16;codec=pcm;rate=16000","data":"AQACAA=="}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":40}}""",
            _ =>
                $$$"""{"candidates":[{"content":{"parts":[{"text":"Here it is."},{"inlineData":{"mimeType":"image/png","data":"{{{png}}}"}}]}}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":1290}}""",
        });
    }

    private static JsonObject Vector(int index) => new() { ["values"] = new JsonArray(index, 0.5) };
}
