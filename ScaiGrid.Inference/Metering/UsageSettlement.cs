using ScaiGrid.Core;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Inference.Telemetry;

namespace ScaiGrid.Inference.Metering;

/// <summary>Creates and writes a call's usage record when the call ends, in whatever way it ends.</summary>
public sealed class UsageSettlement(UsageMeter meter, UsageJournal journal, CallAdmission admission, InferenceMetrics metrics, TimeProvider time)
{
    /// <summary>The time of a stream whose use may be lost if the process is killed. Most streams are shorter and leave no note at all.</summary>
    private static readonly TimeSpan NoteInterval = TimeSpan.FromSeconds(1);

    /// <summary>Settles a chat call. Tokens are counted here if the upstream gave no count.</summary>
    /// <param name="call">The call that produced output.</param>
    /// <param name="reported">The upstream's own count; null if it gave none, or the stream broke before it.</param>
    /// <param name="output">The model's output, to be counted if nothing was reported.</param>
    /// <param name="status">How the call ended.</param>
    /// <param name="soFar">The upstream's latest count before the stream broke: final for the prompt, but too low for the output.</param>
    public async ValueTask<CallResult> SettleAsync(ChatCall call, TokenUsage? reported, PooledBytes output, CallStatus status, TokenUsage? soFar = null)
    {
        if (reported is { LacksCompletion: true } half)
        {
            (reported, soFar) = (null, half);
        }

        var (result, isDurable) = await WriteAsync(call, reported ?? Estimate(call, output, soFar), isEstimated: reported is null, status);
        if (isDurable)
        {
            call.Note?.Dispose();
        }

        return result;
    }

    /// <summary>Settles a call of any operation.</summary>
    /// <param name="call">The call that produced output.</param>
    /// <param name="usage">What was used.</param>
    /// <param name="isEstimated">Whether the use was counted here instead of by the upstream.</param>
    /// <param name="status">How the call ended.</param>
    public async ValueTask<CallResult> SettleAsync(InferenceCall call, TokenUsage usage, bool isEstimated, CallStatus status) =>
        (await WriteAsync(call, usage, isEstimated, status)).Result;

    private async ValueTask<(CallResult Result, bool IsDurable)> WriteAsync(InferenceCall call, TokenUsage usage, bool isEstimated, CallStatus status)
    {
        var now = time.GetUtcNow();
        var record = Record(call, usage, isEstimated, status, now);
        var isDurable = await meter.WriteAsync(record);
        if (call.Ticket is not null)
        {
            admission.Settle(call.Ticket, new Settlement(record.Cost, usage.Total, now));
        }

        metrics.Settled(call, usage, status);
        return (new CallResult(call.Route, call.Backend, call.Attempts, record.LatencyMs, call.GatewayTook, call.FailedAttempts, usage), isDurable);
    }

    /// <summary>Writes a note of a stream's use so far, in case the process is killed. At most once per interval, so that it costs next to nothing.</summary>
    /// <param name="call">The stream's call.</param>
    /// <param name="output">The model's output so far.</param>
    /// <param name="soFar">The upstream's latest count; null if it has given none.</param>
    internal void Note(ChatCall call, PooledBytes output, TokenUsage? soFar)
    {
        if (time.GetElapsedTime(call.Note?.WrittenAt ?? call.Context.StartedAt) < NoteInterval)
        {
            return;
        }

        var note = call.Note ??= new UsageNote(journal);
        var written = output.Length / TokenCounter.BytesPerToken;
        var usage = Continue(soFar, written) ?? new TokenUsage(note.Prompt ??= TokenCounter.GuessPrompt(call.Request.Body, call.Route.SystemPrompt), written);
        note.Write(Record(call, usage, isEstimated: true, CallStatus.Error, time.GetUtcNow()), time.GetTimestamp());
    }

    private UsageRecord Record(InferenceCall call, TokenUsage usage, bool isEstimated, CallStatus status, DateTimeOffset now)
    {
        var (context, route, backend) = (call.Context, call.Route, call.Backend);
        var terms = context.Caller.Terms;
        var cost = route.Prices.CostOf(usage);

        // A line of a batch keeps its id when it is repeated after its worker died.
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

    private static TokenUsage Estimate(ChatCall call, PooledBytes output, TokenUsage? soFar)
    {
        var written = TokenCounter.Count(output.Span);
        return Continue(soFar, written) ?? new TokenUsage(TokenCounter.CountPrompt(call.Request.Body, call.Route.SystemPrompt), written);
    }

    /// <summary>The upstream's latest count, with at least the output counted here; null if it had not counted the prompt.</summary>
    private static TokenUsage? Continue(TokenUsage? soFar, long written) =>
        soFar is { Prompt: > 0 } said ? said with { Completion = Math.Max(said.Completion, written), LacksCompletion = false } : null;
}
