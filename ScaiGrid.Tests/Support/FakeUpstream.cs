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
/// A provider of the tests' own: an HTTP server that speaks OpenAI's chat completions and plays, for each upstream model, the script
/// that a test gave it. It keeps what it received.
/// </summary>
public sealed class FakeUpstream : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, UpstreamScript> _scripts = new();
    private readonly WebApplication _app;

    private readonly ConnectionCount _connections;
    private int _running;
    private int _listings;

    private FakeUpstream(WebApplication app, ConnectionCount connections) => (_app, _connections) = (app, connections);

    /// <summary>What a provider's <c>base_url</c> is set to.</summary>
    public string BaseUrl { get; private set; } = "";

    public ConcurrentQueue<ReceivedCall> Calls { get; } = new();

    /// <param name="port">Where it listens; 0 for any free port. One that ended can be started again on its own.</param>
    /// <param name="holdModels">What <see cref="HoldModels"/> is from the first question on.</param>
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

    /// <summary>Chat calls that it has not ended, and of which it has not seen that the gateway left.</summary>
    public int RunningChats => Volatile.Read(ref _running);

    /// <summary>Connections that are open to it.</summary>
    public int OpenConnections => _connections.Open;

    /// <summary>What <c>GET /models</c> answers, as it is.</summary>
    public string Models { get; set; } = """{"object":"list","data":[]}""";

    /// <summary>Waited for before the models are listed.</summary>
    public Task HoldModels { get; set; } = Task.CompletedTask;

    /// <summary>How often the models were asked for.</summary>
    public int Listings => Volatile.Read(ref _listings);

    public void Play(string model, UpstreamScript script) => _scripts[model] = script;

    public UpstreamScript? ScriptOf(string model) => _scripts.GetValueOrDefault(model);

    /// <summary>The calls that asked for <paramref name="model"/>.</summary>
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
            // The gateway hung up, which the call remembers: this may be here before its callback, which then never comes.
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

/// <summary>What the fake upstream does with a call.</summary>
public sealed record UpstreamScript
{
    public IReadOnlyList<string> Chunks { get; init; } = ["Hello", " ", "world"];

    /// <summary>Before the first byte.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>Waited for before the first byte.</summary>
    public Task Hold { get; init; } = Task.CompletedTask;

    /// <summary>After each chunk.</summary>
    public TimeSpan ChunkDelay { get; init; }

    /// <summary>Chunks after which the connection is cut; null for never.</summary>
    public int? CutAfter { get; init; }

    public bool SendsUsage { get; init; } = true;

    public bool SendsDone { get; init; } = true;

    public int PromptTokens { get; init; } = 11;

    public int CompletionTokens { get; init; } = 7;

    public int CachedTokens { get; init; }

    public int ReasoningTokens { get; init; }

    public int Status { get; init; } = 200;

    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    /// <summary>Sent as it is, in place of what the script would make.</summary>
    public string? Body { get; init; }

    public string ContentType { get; init; } = "application/json";

    /// <summary>Sent piece by piece, as it is.</summary>
    public IReadOnlyList<byte[]>? Bytes { get; init; }
}

/// <summary>A call that reached the fake upstream.</summary>
public sealed record ReceivedCall(string Model, string Body, IReadOnlyDictionary<string, string> Headers)
{
    /// <summary>Timestamp of the gateway's hanging up; 0 while it has not.</summary>
    public long AbortedAt { get; set; }

    public int ChunksSent { get; set; }
}

/// <summary>OpenAI's documents, as an upstream would send them.</summary>
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
