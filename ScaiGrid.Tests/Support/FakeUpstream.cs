using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace ScaiGrid.Tests.Support;

/// <summary>
/// A fake provider: an HTTP server that speaks OpenAI's chat completions and plays the script that a test set for each upstream model. It records
/// the calls.
/// </summary>
public sealed class FakeUpstream : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, UpstreamScript> _scripts = new();
    private readonly WebApplication _app;

    private readonly ConnectionCount _connections;
    private int _running;
    private int _listings;

    private FakeUpstream(WebApplication app, ConnectionCount connections) => (_app, _connections) = (app, connections);

    /// <summary>The value of a provider's <c>base_url</c>.</summary>
    public string BaseUrl { get; private set; } = "";

    public ConcurrentQueue<ReceivedCall> Calls { get; } = new();

    /// <param name="port">The port to listen on; 0 for any free port. A server that ended can be started again on its port.</param>
    /// <param name="holdModels">The initial value of <see cref="HoldModels"/>.</param>
    public static async Task<FakeUpstream> StartAsync(int port = 0, Task? holdModels = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        var connections = new ConnectionCount();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.ConfigureEndpointDefaults(endpoint => endpoint.Use(connections.Count));
        });
        var app = builder.Build();
        var upstream = new FakeUpstream(app, connections) { HoldModels = holdModels ?? Task.CompletedTask };
        app.MapPost("/v1/chat/completions", upstream.ChatAsync);
        FakeOperations.Map(app, upstream);
        app.MapGet("/v1/models", upstream.ModelsAsync);
        await app.StartAsync();
        upstream.BaseUrl = $"{app.Urls.First()}/v1";
        return upstream;
    }

    /// <summary>Chat calls that have not ended and were not aborted by the gateway.</summary>
    public int RunningChats => Volatile.Read(ref _running);

    /// <summary>The number of open connections.</summary>
    public int OpenConnections => _connections.Open;

    /// <summary>The raw response to <c>GET /models</c>.</summary>
    public string Models { get; set; } = """{"object":"list","data":[]}""";

    /// <summary>Awaited before models are listed.</summary>
    public Task HoldModels { get; set; } = Task.CompletedTask;

    /// <summary>The number of requests for the models.</summary>
    public int Listings => Volatile.Read(ref _listings);

    public void Play(string model, UpstreamScript script) => _scripts[model] = script;

    public UpstreamScript? ScriptOf(string model) => _scripts.GetValueOrDefault(model);

    /// <summary>The calls for <paramref name="model"/>.</summary>
    public IReadOnlyList<ReceivedCall> CallsOf(string model) => [.. Calls.Where(call => call.Model == model)];

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task ModelsAsync(HttpContext context)
    {
        var hold = HoldModels;
        Interlocked.Increment(ref _listings);
        await hold.WaitAsync(context.RequestAborted);
        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(Models);
    }

    private async Task ChatAsync(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body);
        var text = await reader.ReadToEndAsync();
        var body = JsonNode.Parse(text)!.AsObject();
        var call = new ReceivedCall((string)body["model"]!, text, context.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString()));
        Calls.Enqueue(call);
        if (!_scripts.TryGetValue(call.Model, out var script))
        {
            context.Response.StatusCode = 404;
            return;
        }

        using var gone = context.RequestAborted.Register(() => call.AbortedAt = Stopwatch.GetTimestamp());
        Interlocked.Increment(ref _running);
        try
        {
            await PlayAsync(context, script, body, call);
        }
        catch (OperationCanceledException)
        {
            // The gateway disconnected. Recorded here as well, because the callback may not run.
            call.AbortedAt = call.AbortedAt == 0 ? Stopwatch.GetTimestamp() : call.AbortedAt;
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    private static async Task PlayAsync(HttpContext context, UpstreamScript script, JsonObject body, ReceivedCall call)
    {
        var gone = context.RequestAborted;
        await Task.Delay(script.Delay, gone);
        await script.Hold.WaitAsync(gone);
        if (script.Status != 200)
        {
            context.Response.StatusCode = script.Status;
            foreach (var (name, value) in script.Headers)
            {
                context.Response.Headers[name] = value;
            }

            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync(script.Body ?? """{"error":{"message":"scripted failure","type":"server_error"}}""", gone);
            return;
        }

        if (script.Bytes is not null)
        {
            context.Response.ContentType = script.ContentType;
            await FakeOperations.SendBytesAsync(context, script);
            return;
        }

        if (script.Body is not null)
        {
            context.Response.ContentType = script.ContentType;
            await context.Response.WriteAsync(script.Body, gone);
            return;
        }

        if ((bool?)body["stream"] == true)
        {
            await StreamAsync(context, script, call);
        }
        else
        {
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync(UpstreamDocuments.Completion(script), gone);
        }
    }

    private static async Task StreamAsync(HttpContext context, UpstreamScript script, ReceivedCall call)
    {
        var gone = context.RequestAborted;
        context.Response.ContentType = "text/event-stream";
        context.Features.Get<IHttpResponseBodyFeature>()!.DisableBuffering();
        for (var i = 0; i < script.Chunks.Count; i++)
        {
            if (i == script.CutAfter)
            {
                context.Abort();
                return;
            }

            await Send(UpstreamDocuments.Chunk(script.Chunks[i], finish: null));
            call.ChunksSent++;
            await Task.Delay(script.ChunkDelay, gone);
        }

        await Send(UpstreamDocuments.Chunk("", finish: "stop"));
        if (script.SendsUsage)
        {
            await Send(UpstreamDocuments.UsageChunk(script));
        }

        if (script.SendsDone)
        {
            await Send("[DONE]");
        }

        async Task Send(string data)
        {
            await context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes($"data: {data}\n\n"), gone);
            await context.Response.Body.FlushAsync(gone);
        }
    }

    private sealed class ConnectionCount
    {
        private int _open;

        public int Open => Volatile.Read(ref _open);

        public ConnectionDelegate Count(ConnectionDelegate next) => async connection =>
        {
            Interlocked.Increment(ref _open);
            try
            {
                await next(connection);
            }
            finally
            {
                Interlocked.Decrement(ref _open);
            }
        };
    }
}

/// <summary>The fake upstream's behaviour for a model.</summary>
public sealed record UpstreamScript
{
    public IReadOnlyList<string> Chunks { get; init; } = ["Hello", " ", "world"];

    /// <summary>The delay before the first byte.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>Awaited before the first byte.</summary>
    public Task Hold { get; init; } = Task.CompletedTask;

    /// <summary>The delay after each chunk.</summary>
    public TimeSpan ChunkDelay { get; init; }

    /// <summary>The number of chunks after which the connection is cut; null for never.</summary>
    public int? CutAfter { get; init; }

    public bool SendsUsage { get; init; } = true;

    public bool SendsDone { get; init; } = true;

    public int PromptTokens { get; init; } = 11;

    public int CompletionTokens { get; init; } = 7;

    public int CachedTokens { get; init; }

    public int ReasoningTokens { get; init; }

    public int Status { get; init; } = 200;

    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    /// <summary>Sent unchanged instead of the script's response.</summary>
    public string? Body { get; init; }

    public string ContentType { get; init; } = "application/json";

    /// <summary>Sent unchanged, piece by piece.</summary>
    public IReadOnlyList<byte[]>? Bytes { get; init; }
}

/// <summary>A call that reached the fake upstream.</summary>
public sealed record ReceivedCall(string Model, string Body, IReadOnlyDictionary<string, string> Headers)
{
    /// <summary>Timestamp at which the gateway disconnected; 0 if it has not.</summary>
    public long AbortedAt { get; set; }

    public int ChunksSent { get; set; }
}

/// <summary>OpenAI's documents as an upstream sends them.</summary>
public static class UpstreamDocuments
{
    public static string Completion(UpstreamScript script) => JsonSerializer.Serialize(new
    {
        id = "chatcmpl-fake",
        @object = "chat.completion",
        created = 1_700_000_000,
        model = "upstream-name",
        choices = new[] { new { index = 0, message = new { role = "assistant", content = string.Concat(script.Chunks) }, finish_reason = "stop" } },
        usage = script.SendsUsage ? Usage(script) : null,
    });

    public static string Chunk(string content, string? finish) => JsonSerializer.Serialize(new
    {
        id = "chatcmpl-fake",
        @object = "chat.completion.chunk",
        created = 1_700_000_000,
        model = "upstream-name",
        choices = new[] { new { index = 0, delta = new { content }, finish_reason = finish } },
    });

    public static string UsageChunk(UpstreamScript script) => JsonSerializer.Serialize(new
    {
        id = "chatcmpl-fake",
        @object = "chat.completion.chunk",
        created = 1_700_000_000,
        model = "upstream-name",
        choices = Array.Empty<object>(),
        usage = Usage(script),
    });

    private static object Usage(UpstreamScript script) => new
    {
        prompt_tokens = script.PromptTokens,
        completion_tokens = script.CompletionTokens,
        total_tokens = script.PromptTokens + script.CompletionTokens,
        prompt_tokens_details = new { cached_tokens = script.CachedTokens },
        completion_tokens_details = new { reasoning_tokens = script.ReasoningTokens },
    };
}
