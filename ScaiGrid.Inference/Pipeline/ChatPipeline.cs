using System.Runtime.CompilerServices;
using System.Text.Json;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// The path of a chat call, from a parsed request to the last byte of the answer:
/// <list type="number">
/// <item>resolve the model in the snapshot,</item>
/// <item>choose a target by priority, health and strategy,</item>
/// <item>send, and hold the answer until its first chunk proves that the upstream is alive,</item>
/// <item>on a failure that another target may not have, try the next target,</item>
/// <item>relay chunks as they come,</item>
/// <item>settle: the usage record is durable before the caller sees the end,</item>
/// <item>end the answer.</item>
/// </list>
/// </summary>
/// <remarks>
/// Invariants, each with a test:
/// the chain is built once; no DI scope, no database, no lock shared between calls;
/// the snapshot is read once per call, and a change never affects a call in flight;
/// same wire format: the caller's bytes are forwarded with the model's name replaced;
/// failover until the first byte has reached the caller, never after it: then an error event ends the stream;
/// usage is always metered: requested from the upstream, and removed from the answer if the caller did not request it;
/// expected failures are values, exceptions mean a bug or a caller who has gone;
/// prompt and completion text is never logged, traced or put into an error;
/// the caller's disconnect or the revocation of their credential cancels the upstream call; the usage so far is settled. A caller who leaves at the finish
/// reason leaves the upstream a second to tell the usage.
/// </remarks>
public sealed class ChatPipeline
{
    /// <summary>
    /// Pieces of a stream that are sent together at most, if they arrive as fast as they are relayed. The HTTP client's pieces have 4 KiB: a caller waits
    /// for 32 KiB at most, and so much is held for them.
    /// </summary>
    private const int MostUnflushed = 8;

    private readonly CallRunner _runner;
    private readonly Dispatcher _dispatcher;
    private readonly UsageSettlement _settlement;
    private readonly CallDeadlines _deadlines;

    // Made once: a method group would be a new delegate for each call.
    private readonly Func<ChatCall, CancellationToken, Task<UpstreamError?>> _tryTarget;

    public ChatPipeline(CallRunner runner, Dispatcher dispatcher, UsageSettlement settlement, CallDeadlines deadlines)
    {
        (_runner, _dispatcher, _settlement, _deadlines) = (runner, dispatcher, settlement, deadlines);
        _tryTarget = TryAsync;
    }

    /// <summary>Runs a call to its end. Returns normally whatever the upstream does.</summary>
    /// <returns>Null if the call is complete; otherwise the problem to answer with: nothing has reached the caller.</returns>
    /// <exception cref="OperationCanceledException">The caller left before anything was answered.</exception>
    public Task<Problem?> RunAsync(ChatRequest request, CallContext context, IChatResponder responder, CancellationToken callerGone)
    {
        request.OwnsMetadata = context.Protocol != Protocols.OpenAi;
        var call = new ChatCall { Context = context, Request = request, Responder = responder };
        return _runner.RunAsync(call, request.Model, "chat", _tryTarget, callerGone);
    }

    /// <returns>Null if the call is complete; an error if nothing has reached the caller.</returns>
    private async Task<UpstreamError?> TryAsync(ChatCall call, CancellationToken callerGone)
    {
        if (call.Backend.Clients.Chat is not { } chat)
        {
            return UpstreamError.Unsupported(call.Operation);
        }

        using var deadline = _deadlines.Begin(call, call.Request.Stream, callerGone);
        var reply = await chat.SendAsync(call.Request, call.Route, deadline);
        if (reply.Error is not null)
        {
            return reply.Error;
        }

        if (reply.Completion is { } completion)
        {
            using (completion)
            {
                return await CompleteAsync(call, completion);
            }
        }

        await using var stream = reply.Stream!;
        return await RelayAsync(call, stream, deadline, callerGone);
    }

    private async Task<UpstreamError?> CompleteAsync(ChatCall call, PooledBytes completion)
    {
        ChunkView view;
        using var output = new PooledBytes(1024);
        try
        {
            view = ChunkView.Scan(completion.Memory, output);
        }
        catch (JsonException)
        {
            return new UpstreamError(UpstreamFailure.ShapeMismatch);
        }

        if (!view.HasChoices)
        {
            return new UpstreamError(UpstreamFailure.ShapeMismatch, "The upstream's answer has no choices.");
        }

        if (view.IsError && output.Length == 0)
        {
            return new UpstreamError(UpstreamFailure.ErrorEvent);
        }

        _dispatcher.Answered(call, isStream: false);
        var result = await _settlement.SettleAsync(call, view.Usage, output, CallStatus.Ok);
        await call.Responder.CompleteAsync(view, result);
        return null;
    }

    /// <summary>Sends to the caller what was relayed, while the next chunk is being read.</summary>
    // Pooled: called once for each piece of a stream, and each call that waits would allocate its state machine.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private static async ValueTask<bool> FlushAsync(ChatCall call, ValueTask<bool> next, CallDeadline deadline)
    {
        // The caller may read slowly, which is not the upstream's fault.
        deadline.Pause();
        try
        {
            await call.Responder.FlushAsync();
        }
        catch
        {
            // The read must not outlive its buffer.
            deadline.Cancel();
            await ((Task)next.AsTask()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }

        deadline.Resume();
        return await next;
    }

    private async Task<UpstreamError?> RelayAsync(ChatCall call, ChatStream stream, CallDeadline deadline, CancellationToken callerGone)
    {
        // :: First chunk: until it arrives, another backend can still take the call.
        using var output = new PooledBytes(1024);
        using var chunks = new ChunkReader(stream, output);
        if (!await chunks.ReadAsync())
        {
            return chunks.Error ?? new UpstreamError(UpstreamFailure.Cut, "The upstream's stream has no chunks.");
        }

        _dispatcher.Answered(call, isStream: true);
        var usage = default(StreamUsage);
        UpstreamError? error = null;
        UInt128 begun = default, ended = default;
        var status = CallStatus.Ok;
        try
        {
            // :: Relay.
            await call.Responder.BeginStreamAsync(call);
            bool hasNext, hasFlushed = false;
            var unflushed = 0;
            do
            {
                deadline.Pause();
                do
                {
                    var chunk = chunks.Current;
                    usage.Add(chunk);
                    begun |= chunk.Begun;
                    if (chunk.HasFinish)
                    {
                        // With n, choices end one after the other.
                        ended |= chunk.Ended;
                        if (ended == begun)
                        {
                            deadline.ExpectRest();
                        }
                    }

                    await call.Responder.ChunkAsync(chunk);
                }
                while (chunks.TryRead());

                // Not before the first flush, which it would delay, and not beside a read, which writes to the output.
                if (hasFlushed)
                {
                    _settlement.Note(call, output, usage.Value ?? stream.UsageSoFar);
                }

                // Chunks that have arrived leave together, before a wait for more: a flush for each would cost a system call and deliver none earlier.
                deadline.Resume();
                var next = chunks.ReadAsync();
                if (next.IsCompleted && ++unflushed < MostUnflushed)
                {
                    hasNext = await next;
                    continue;
                }

                (unflushed, hasFlushed) = (0, true);
                hasNext = await FlushAsync(call, next, deadline);
            }
            while (hasNext);

            // Some servers end without [DONE]: the finish reasons of all choices that have begun mark the end as well.
            var isOver = stream.SawEnd || (ended == begun && ended != default);
            error = chunks.Error ?? (isOver ? null : new UpstreamError(UpstreamFailure.Cut));

            // A cancelled read may also fail as a broken connection.
            error = error is null ? null : _deadlines.Interruption(call.Context.Caller) ?? error;
            status = CallStatusWords.Of(error);
        }
        catch (Exception) when (callerGone.IsCancellationRequested)
        {
            (status, error) = (CallStatus.Cancelled, null);
        }
        catch
        {
            // A bug in ScaiGrid: the usage is settled all the same.
            await _settlement.SettleAsync(call, usage.Value, output, CallStatus.Error, stream.UsageSoFar);
            throw;
        }

        // :: Settle, then end.
        var result = await _settlement.SettleAsync(call, usage.Value, output, status, stream.UsageSoFar);
        if (status == CallStatus.Ok)
        {
            await call.Responder.EndStreamAsync(result);
        }
        else if (error is not null)
        {
            if (error.IsUpstreams && !deadline.OverallTimeoutReached)
            {
                _dispatcher.FailedLate(call, error);
            }

            await call.Responder.FailStreamAsync(error.ToProblem() with { IsCounted = true });
        }

        return null;
    }
}
