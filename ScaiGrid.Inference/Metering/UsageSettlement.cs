using ScaiGrid.Core;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Inference.Telemetry;

namespace ScaiGrid.Inference.Metering;

/// <summary>Turns the end of a call into a usage record and writes it, whichever way the call ended.</summary>
public sealed class UsageSettlement(UsageMeter meter, UsageJournal journal, CallAdmission admission, InferenceMetrics metrics, TimeProvider time)
{
    /// <summary>What a process that is killed may not know of a stream. Most of the streams that are over before leave no note at all.</summary>
    private static readonly TimeSpan NoteInterval = TimeSpan.FromSeconds(1);

    /// <summary>Settles a chat call, whose tokens are counted here where the upstream gave no count.</summary>
    /// <param name="call">The call that produced output.</param>
    /// <param name="reported">The upstream's own count; null where it gave none, or was cut before giving it.</param>
    /// <param name="output">What the model wrote, for counting when nothing was reported.</param>
    /// <param name="status">How the call ended.</param>
    /// <param name="soFar">What the upstream had said before it was cut: the prompt as it is, but less of the output than there is.</param>
    public async ValueTask<CallResult> SettleAsync(ChatCall call, TokenUsage? reported, PooledBytes output, CallStatus status, TokenUsage? soFar = null)
    {
        if (reported is { LacksCompletion: true } half)
        {
            (reported, soFar) = (null, half);
        }

        var result = await SettleAsync(call, reported ?? Estimate(call.Request, output, soFar), isEstimated: reported is null, status);
        call.Note?.Dispose();
        return result;
    }

    /// <summary>Settles a call of any operation.</summary>
    /// <param name="call">The call that produced output.</param>
    /// <param name="usage">What was used.</param>
    /// <param name="isEstimated">Whether it was counted here rather than by the upstream.</param>
    /// <param name="status">How the call ended.</param>
    public async ValueTask<CallResult> SettleAsync(InferenceCall call, TokenUsage usage, bool isEstimated, CallStatus status)
    {
        var now = time.GetUtcNow();
        var record = Record(call, usage, isEstimated, status, now);
        await meter.WriteAsync(record);
        if (call.Ticket is not null)
        {
            admission.Settle(call.Ticket, new Settlement(record.Cost, usage.Total, now));
        }

        metrics.Settled(call, usage, status);
        return new CallResult(call.Route, call.Backend, call.Attempts, record.LatencyMs, call.GatewayTook, call.FailedAttempts, usage);
    }

    /// <summary>Writes down what a stream has used so far, in case that the process is killed; seldom, so that it costs next to nothing.</summary>
    /// <param name="call">The call whose stream it is.</param>
    /// <param name="output">What the model wrote.</param>
    /// <param name="soFar">What the upstream said of it; null where it has said nothing.</param>
    internal void Note(ChatCall call, PooledBytes output, TokenUsage? soFar)
    {
        if (time.GetElapsedTime(call.Note?.WrittenAt ?? call.Context.StartedAt) < NoteInterval)
        {
            return;
        }

        var note = call.Note ??= new UsageNote(journal);
        var written = output.Length / TokenCounter.BytesPerToken;
        var usage = Continue(soFar, written) ?? new TokenUsage(note.Prompt ??= TokenCounter.GuessPrompt(call.Request.Body), written);
        note.Write(Record(call, usage, isEstimated: true, CallStatus.Error, time.GetUtcNow()), time.GetTimestamp());
    }

    private UsageRecord Record(InferenceCall call, TokenUsage usage, bool isEstimated, CallStatus status, DateTimeOffset now)
    {
        var (context, route, backend) = (call.Context, call.Route, call.Backend);
        var terms = context.Caller.Terms;
        var cost = route.Prices.CostOf(usage);

        // A line of a batch has the id that it had before its worker died.
        call.UsageId ??= terms?.UsageId ?? (call.Ticket is { Id.Length: > 0 } ticket ? ticket.Id : Ids.New(Ids.Usage, time));
        return new UsageRecord
        {
            Id = call.UsageId,
            RequestId = context.RequestId,
            CreatedAt = (now - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond,
            PartnerId = context.Caller.PartnerId,
            TenantId = context.Caller.TenantId,
            UserId = context.Caller.UserId,
            ApiKeyId = context.Caller.ApiKeyId,
            GroupIds = context.Caller.Groups is { Count: > 0 } groups ? groups : null,
            ModelId = route.Id,
            Model = route.Slug,
            BackendId = backend.Id,
            Protocol = context.Protocol,
            Status = status.Label(),
            TokensIn = usage.Prompt,
            TokensOut = usage.Completion,
            CachedTokens = usage.Cached,
            ReasoningTokens = usage.Reasoning,
            Cost = terms?.Apply(cost) ?? cost,
            BackendCost = backend.Prices.CostOf(usage),
            PriceVersion = route.PriceVersion,
            LatencyMs = (long)time.GetElapsedTime(context.StartedAt).TotalMilliseconds,
            TimeToFirstTokenMs = (long?)call.FirstChunkAfter?.TotalMilliseconds,
            Estimated = isEstimated,
        };
    }

    private static TokenUsage Estimate(ChatRequest request, PooledBytes output, TokenUsage? soFar)
    {
        var written = TokenCounter.Count(output.Span);
        return Continue(soFar, written) ?? new TokenUsage(TokenCounter.CountPrompt(request.Body), written);
    }

    /// <summary>What the upstream had said, with at least what was written since; null where it had not counted the prompt.</summary>
    private static TokenUsage? Continue(TokenUsage? soFar, long written) =>
        soFar is { Prompt: > 0 } said ? said with { Completion = Math.Max(said.Completion, written), LacksCompletion = false } : null;
}
