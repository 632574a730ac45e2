using System.Text;
using Microsoft.AspNetCore.Http.Features;

namespace ScaiGrid.Benchmarks;

/// <summary>
/// An upstream with the least possible cost: the same completion, or the same 50 chunks, for every call. If the body contains
/// <c>"paced"</c>, the chunks are 20 ms apart.
/// </summary>
internal static class MockUpstream
{
    public const int Chunks = 50;

    public static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(20);

    private static readonly byte[] Completion = Encoding.UTF8.GetBytes(
        """{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"mock","choices":[{"index":0,"message":{"role":"assistant","content":"""
        + '"' + new string('x', 800) + '"'
        + ""","refusal":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":20,"completion_tokens":200,"total_tokens":220,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}""");

    private static readonly byte[] Chunk =
        """data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"mock","system_fingerprint":"fp_1","choices":[{"index":0,"delta":{"content":" word"},"logprobs":null,"finish_reason":null}],"usage":null}"""u8.ToArray();

    private static readonly byte[] End =
        """
        data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"mock","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}

        data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"mock","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":50,"total_tokens":70}}

        data: [DONE]


        """u8.ToArray();

    public static async Task RunAsync(string port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        var app = builder.Build();
        app.MapPost("/v1/chat/completions", AnswerAsync);
        await app.RunAsync();
    }

    private static async Task AnswerAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        var request = body.GetBuffer().AsSpan(0, (int)body.Length);
        if (request.IndexOf("\"stream\":true"u8) < 0)
        {
            context.Response.ContentType = "application/json";
            context.Response.ContentLength = Completion.Length;
            await context.Response.Body.WriteAsync(Completion);
            return;
        }

        var paced = request.IndexOf("paced"u8) >= 0;
        context.Response.ContentType = "text/event-stream";
        context.Features.Get<IHttpResponseBodyFeature>()!.DisableBuffering();
        var writer = context.Response.BodyWriter;
        for (var i = 0; i < Chunks; i++)
        {
            await writer.WriteAsync(Chunk);
            await writer.WriteAsync("\n\n"u8.ToArray());
            await writer.FlushAsync();
            if (paced)
            {
                await Task.Delay(Pace, context.RequestAborted);
            }
        }

        await writer.WriteAsync(End);
    }
}
