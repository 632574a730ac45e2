using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;
using Xunit;

namespace ScaiGrid.Tests.Inference.Providers;

/// <summary>Plays a recorded exchange through its provider, from the caller's request to the response for the caller.</summary>
internal sealed class ExchangePlayer : IDisposable
{
    private readonly RecordedExchange _exchange;
    private readonly ScriptedHandler _handler;
    private readonly UpstreamHttp _http;
    private readonly IChatUpstream _chat;

    public ExchangePlayer(RecordedExchange exchange)
    {
        _exchange = exchange;
        var headers = exchange.Http["answer_headers"] as JsonObject ?? [];
        _handler = new ScriptedHandler(
            (HttpStatusCode)((int?)exchange.Http["status"] ?? 200), exchange.ContentType, exchange.UpstreamBytes, [.. headers.Select(header => (header.Key, (string)header.Value!))]);
        var time = new FakeTimeProvider(DateTimeOffset.FromUnixTimeSeconds(1_700_000_000));
        _http = new UpstreamHttp(_handler, time);
        Assert.True(new ProviderCatalog(_http, time).TryGet(exchange.Type, out var provider));
        var mistakes = new List<ErrorDetail>();
        provider!.Validate(exchange.Config, mistakes);
        Assert.Empty(mistakes);
        _chat = provider.Connect(new BackendConnection("be_1", exchange.Model, exchange.Config)).Chat!;
    }

    public ScriptedHandler Upstream => _handler;

    public async Task<PlayedAnswer> PlayAsync(IReadOnlyList<int>? boundaries = null)
    {
        _handler.Boundaries = boundaries ?? [];
        var body = new PooledBytes();
        body.Append(Encoding.UTF8.GetBytes(_exchange.Read("request.json")));
        var request = ChatRequestReader.Read(body, out var problem);
        Assert.True(request is not null, problem?.Text + string.Concat(problem?.Details?.Select(detail => detail.ToString()) ?? []));
        using (request)
        using (var deadline = new CallDeadline(TimeProvider.System, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(5), CancellationToken.None, CancellationToken.None, CancellationToken.None))
        {
            var reply = await _chat.SendAsync(request, Route(), deadline);
            return reply.Stream is { } stream ? await ReadAsync(stream) : Read(reply);
        }
    }

    public void Dispose()
    {
        _http.Dispose();
        _handler.Dispose();
    }

    private static PlayedAnswer Read(ChatReply reply)
    {
        if (reply.Completion is not { } completion)
        {
            return new PlayedAnswer { Error = reply.Error };
        }

        using (completion)
        {
            return new PlayedAnswer { Completion = Encoding.UTF8.GetString(completion.Span), Usage = ChunkView.Scan(completion.Memory, null).Usage };
        }
    }

    private static async Task<PlayedAnswer> ReadAsync(ChatStream stream)
    {
        var chunks = new List<string>();
        using var output = new PooledBytes();
        using var scanner = new ChunkScanner(output);
        TokenUsage? usage = null;
        await using (stream)
        {
            while (await stream.ReadAsync())
            {
                var view = scanner.Scan(stream.Current);
                if (view.IsError)
                {
                    return new PlayedAnswer { Chunks = chunks, Usage = usage, Error = stream.ReadError() };
                }

                chunks.Add(Encoding.UTF8.GetString(stream.Current.Span));
                usage = view.Usage ?? usage;
            }

            return new PlayedAnswer { Chunks = chunks, Usage = usage ?? stream.UsageSoFar, Error = stream.Error, SawEnd = stream.SawEnd };
        }
    }

    private ModelRoute Route() => Routes.Make(
        maxOutput: (int?)_exchange.Route["max_output_tokens"],
        defaults: _exchange.Route["default_params"]?.ToJsonString(),
        systemPrompt: (string?)_exchange.Route["system_prompt"]);
}

/// <summary>The provider's translation of the upstream's response.</summary>
internal sealed record PlayedAnswer
{
    public string? Completion { get; init; }

    public IReadOnlyList<string>? Chunks { get; init; }

    public TokenUsage? Usage { get; init; }

    public UpstreamError? Error { get; init; }

    public bool SawEnd { get; init; }

    public JsonNode? ErrorJson
    {
        get
        {
            if (Error is null)
            {
                return null;
            }

            var json = new JsonObject { ["failure"] = Error.Failure.ToString(), ["message"] = Error.Message, ["retry_after"] = Error.RetryAfterSeconds };
            if (Error.Field is not null)
            {
                json["field"] = Error.Field;
            }

            if (Error.Code is not null)
            {
                json["code"] = Error.Code;
            }

            return json;
        }
    }

    public JsonNode? UsageJson => Usage is not { } usage ? null : new JsonObject
    {
        ["prompt"] = usage.Prompt,
        ["completion"] = usage.Completion,
        ["cached"] = usage.Cached,
        ["reasoning"] = usage.Reasoning,
    };
}
