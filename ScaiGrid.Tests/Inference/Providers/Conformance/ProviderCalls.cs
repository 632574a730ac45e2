using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;
using Xunit;

namespace ScaiGrid.Tests.Inference.Providers.Conformance;

/// <summary>Calls a provider as the pipeline does: over real connections, scanning each chunk when it arrives.</summary>
internal sealed class ProviderCalls : IDisposable
{
    private static readonly ModelRoute Route = Routes.Make();

    private readonly UpstreamHttp _http = new(new InferenceOptions(), TimeProvider.System);
    private readonly IChatUpstream _chat;

    public ProviderCalls(WireDialect dialect, string address, string key)
    {
        Assert.True(new ProviderCatalog(_http, TimeProvider.System).TryGet(dialect.Type, out var provider));
        var config = dialect.Config(address, key);
        var mistakes = new List<ErrorDetail>();
        provider!.Validate(config, mistakes);
        Assert.Empty(mistakes);
        _chat = provider.Connect(new BackendConnection("be_1", dialect.Model, config)).Chat!;
    }

    /// <param name="stream">Whether to request a stream.</param>
    /// <param name="idle">The longest wait for the first chunk and between chunks.</param>
    /// <param name="onText">Called after each chunk with all text received so far.</param>
    /// <param name="messages">The conversation, as JSON.</param>
    /// <param name="caller">Cancelled when the caller disconnects.</param>
    public async Task<CalledAnswer> CallAsync(
        bool stream, TimeSpan? idle = null, Action<string>? onText = null, string messages = """[{"role":"user","content":"Hi"}]""", CancellationToken caller = default)
    {
        var body = new PooledBytes();
        body.Append(Encoding.UTF8.GetBytes($$"""{"model":"m","stream":{{(stream ? "true" : "false")}},"messages":{{messages}}}"""));
        var request = ChatRequestReader.Read(body, out _);
        Assert.NotNull(request);
        using (request)
        using (var deadline = new CallDeadline(TimeProvider.System, idle ?? TimeSpan.FromMinutes(1), idle ?? TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(2), caller, CancellationToken.None, CancellationToken.None))
        {
            var answer = await CallAsync(request, deadline, onText);

            // It would look as if the provider had noticed by itself that the upstream is late.
            Assert.False(deadline.OverallTimeoutReached, "The overall timeout ended the call.");
            return answer;
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<CalledAnswer> CallAsync(ChatRequest request, CallDeadline deadline, Action<string>? onText)
    {
        var reply = await _chat.SendAsync(request, Route, deadline);
        if (reply.Stream is { } chunks)
        {
            await using (chunks)
            {
                return await ReadAsync(chunks, onText);
            }
        }

        using var completion = reply.Completion;
        return completion is null ? new CalledAnswer { Error = reply.Error } : Read(completion);
    }

    private static CalledAnswer Read(PooledBytes completion)
    {
        var message = JsonNode.Parse(completion.Span)!["choices"]![0]!;
        return new CalledAnswer { Id = (string?)JsonNode.Parse(completion.Span)!["id"] ?? "", Text = (string?)message["message"]!["content"] ?? "", Finish = (string?)message["finish_reason"], Usage = ChunkView.Scan(completion.Memory, null).Usage };
    }

    private static async Task<CalledAnswer> ReadAsync(ChatStream stream, Action<string>? onText)
    {
        using var output = new PooledBytes();
        using var scanner = new ChunkScanner(output);
        var (text, arguments, names) = (new StringBuilder(), new StringBuilder(), new List<string>());
        var answer = new CalledAnswer();
        try
        {
            while (await stream.ReadAsync())
            {
                var view = scanner.Scan(stream.Current);
                if (view.IsError)
                {
                    answer = answer with { Error = stream.ReadError() };
                    break;
                }

                answer = answer with { Usage = view.Usage ?? answer.Usage };
                var chunk = JsonNode.Parse(stream.Current.Span)!;
                Assert.True(answer.Id is "" || answer.Id == (string?)chunk["id"], "The chunks have different ids.");
                answer = answer with { Id = (string?)chunk["id"] ?? "" };
                foreach (var choice in chunk["choices"]!.AsArray())
                {
                    answer = answer with { Finish = (string?)choice!["finish_reason"] ?? answer.Finish };
                    text.Append((string?)choice["delta"]!["content"]);
                    foreach (var call in choice["delta"]!["tool_calls"]?.AsArray() ?? [])
                    {
                        names.Add((string?)call!["function"]!["name"] ?? "");
                        arguments.Append((string?)call["function"]!["arguments"]);
                    }
                }

                onText?.Invoke(text.ToString());
            }
        }
        catch (JsonException)
        {
            answer = answer with { Error = new UpstreamError(UpstreamFailure.ShapeMismatch) };
        }

        return answer with { Text = text.ToString(), Call = string.Concat(names), Arguments = arguments.ToString(), Error = answer.Error ?? stream.Error, SawEnd = stream.SawEnd };
    }
}

/// <summary>The outcome of a call.</summary>
internal sealed record CalledAnswer
{
    /// <summary>The id, which must be the same in all chunks.</summary>
    public string Id { get; init; } = "";

    public string Text { get; init; } = "";

    public string Call { get; init; } = "";

    public string Arguments { get; init; } = "";

    public string? Finish { get; init; }

    public TokenUsage? Usage { get; init; }

    public UpstreamError? Error { get; init; }

    public bool SawEnd { get; init; }

    /// <summary>The pipeline's rule for a complete stream.</summary>
    public bool IsComplete => Error is null && (SawEnd || Finish is not null);
}
