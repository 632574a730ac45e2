using System.Buffers.Binary;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace ScaiGrid.Tests.Support;

/// <summary>The fake upstream's operations other than chat: OpenAI's responses, or those of the model's script.</summary>
internal static class FakeOperations
{
    /// <summary>An image of one pixel.</summary>
    public static readonly byte[] Png = Convert.FromBase64String(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==");

    public static readonly float[] Vector = [0.25f, -0.5f, 1f];

    public static void Map(WebApplication app, FakeUpstream upstream)
    {
        app.MapPost("/v1/embeddings", context => PlayAsync(context, upstream, Embeddings));
        app.MapPost("/v1/images/generations", context => PlayAsync(context, upstream, (script, body) => Images(script, body, upstream)));
        app.MapPost("/v1/moderations", context => PlayAsync(context, upstream, Moderations));
        app.MapPost("/v1/audio/speech", context => PlayAsync(context, upstream, (_, _) => ""));
        app.MapPost("/v1/audio/transcriptions", context => TranscribeAsync(context, upstream));
        app.MapGet("/files/pixel.png", context =>
        {
            context.Response.ContentType = "image/png";
            return context.Response.Body.WriteAsync(Png).AsTask();
        });
    }

    private static async Task PlayAsync(HttpContext context, FakeUpstream upstream, Func<UpstreamScript, JsonObject, string> answer)
    {
        using var reader = new StreamReader(context.Request.Body);
        var text = await reader.ReadToEndAsync();
        var body = JsonNode.Parse(text)!.AsObject();
        await PlayAsync(context, upstream, (string)body["model"]!, text, script => answer(script, body));
    }

    private static async Task TranscribeAsync(HttpContext context, FakeUpstream upstream)
    {
        var form = await context.Request.ReadFormAsync();
        var file = form.Files["file"]!;
        var text = $"{string.Join(';', form.Select(field => $"{field.Key}={field.Value}"))};file={file.FileName}:{file.ContentType}:{file.Length}";
        await PlayAsync(context, upstream, form["model"]!, text, _ => """{"text":"hello from the tape","usage":{"type":"duration","seconds":90}}""");
    }

    private static async Task PlayAsync(HttpContext context, FakeUpstream upstream, string model, string received, Func<UpstreamScript, string> answer)
    {
        var call = new ReceivedCall(model, received, context.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString()));
        upstream.Calls.Enqueue(call);
        using var gone = context.RequestAborted.Register(() => call.AbortedAt = Stopwatch.GetTimestamp());
        var script = upstream.ScriptOf(model);
        context.Response.StatusCode = script?.Status ?? 404;
        if (script is null)
        {
            return;
        }

        foreach (var (name, value) in script.Headers)
        {
            context.Response.Headers[name] = value;
        }

        context.Response.ContentType = script.ContentType;
        if (script.Bytes is null)
        {
            await context.Response.WriteAsync(script.Body ?? (script.Status == 200 ? answer(script) : """{"error":{"message":"scripted failure"}}"""));
            return;
        }

        await SendBytesAsync(context, script);
    }

    public static async Task SendBytesAsync(HttpContext context, UpstreamScript script)
    {
        for (var i = 0; i < script.Bytes!.Count; i++)
        {
            if (script.CutAfter == i)
            {
                await Task.Delay(200);
                context.Abort();
                return;
            }

            await context.Response.Body.WriteAsync(script.Bytes[i]);
            await context.Response.Body.FlushAsync();
            await Task.Delay(script.ChunkDelay, context.RequestAborted);
        }
    }

    private static string Embeddings(UpstreamScript script, JsonObject body)
    {
        var count = body["input"] is JsonArray list ? list.Count : 1;
        object vector = (string?)body["encoding_format"] == "base64" ? Base64() : Vector;
        return JsonSerializer.Serialize(new
        {
            @object = "list",
            model = "upstream-name",
            data = Enumerable.Range(0, count).Select(index => new { @object = "embedding", index, embedding = vector }),
            usage = script.SendsUsage ? new { prompt_tokens = script.PromptTokens, total_tokens = script.PromptTokens } : null,
        });
    }

    private static string Images(UpstreamScript script, JsonObject body, FakeUpstream upstream)
    {
        var picture = (string?)body["response_format"] == "url"
            ? new JsonObject { ["url"] = new Uri(new Uri(upstream.BaseUrl), "/files/pixel.png").ToString() }
            : new JsonObject { ["b64_json"] = Convert.ToBase64String(Png) };
        var answer = new JsonObject
        {
            ["created"] = 1_700_000_000,
            ["data"] = new JsonArray([.. Enumerable.Range(0, (int?)body["n"] ?? 1).Select(_ => picture.DeepClone())]),
        };
        if (script.SendsUsage)
        {
            answer["usage"] = new JsonObject { ["input_tokens"] = script.PromptTokens, ["output_tokens"] = script.CompletionTokens, ["total_tokens"] = 18 };
        }

        return answer.ToJsonString();
    }

    private static string Moderations(UpstreamScript script, JsonObject body) => JsonSerializer.Serialize(new
    {
        id = "modr-fake",
        model = "upstream-name",
        results = Enumerable.Range(0, body["input"] is JsonArray list ? list.Count : 1)
            .Select(_ => new { flagged = true, categories = new { violence = true }, category_scores = new { violence = 0.9 } }),
    });

    private static string Base64()
    {
        var bytes = new byte[Vector.Length * sizeof(float)];
        for (var i = 0; i < Vector.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(i * sizeof(float)), Vector[i]);
        }

        return Convert.ToBase64String(bytes);
    }
}
