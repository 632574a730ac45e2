using System.Numerics;
using Microsoft.Extensions.Logging;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Telemetry;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// Tries the targets of a model in turn until one takes the call; the same for every operation. After a failure that another target may
/// not have, the next target is tried, provided nothing has reached the caller. Targets with an open circuit are skipped.
/// </summary>
public sealed partial class Dispatcher(CallDeadlines deadlines, InferenceMetrics metrics, TimeProvider time, ILogger<Dispatcher> logger)
{
    /// <param name="call">The call; its backend is set before each attempt.</param>
    /// <param name="tryTarget">Sends the call to its backend. Null if it is complete, in whatever way; an error if nothing has reached the caller.</param>
    /// <param name="callerGone">The caller's disconnect.</param>
    /// <returns>Null if the call is complete; otherwise the error for the caller.</returns>
    /// <exception cref="OperationCanceledException">The caller left before anything was answered.</exception>
    public async Task<UpstreamError?> RunAsync<TCall>(
        TCall call, Func<TCall, CancellationToken, Task<UpstreamError?>> tryTarget, CancellationToken callerGone)
        where TCall : InferenceCall
    {
        var route = call.Route;
        var verdict = new FailureVerdict();
        var (tried, unable) = (0UL, 0UL);
        while (call.Attempts - BitOperations.PopCount(unable) < route.Retry.MaxAttempts && deadlines.LeavesTime(call))
        {
            if (!TryEnterNext(route, ref tried, out var index, out var isTrial))
            {
                break;
            }

            var backend = route.Targets[index].Backend;
            call.BeginAttempt(backend, isTrial, time.GetTimestamp());
            UpstreamError? error;
            try
            {
                error = await tryTarget(call, callerGone);
                if (error is null)
                {
                    return null;
                }

                error = Failed(call, error);
            }
            catch (Exception exception)
            {
                Abandoned(call, exception, callerGone);
                throw;
            }
            finally
            {
                backend.Health.Leave();
            }

            if (!error.IsUpstreams)
            {
                return error;
            }

            verdict.Add(error);
            if (error.Failure is UpstreamFailure.Unsupported)
            {
                // Nothing failed, and the next target may take the call.
                unable |= 1UL << index;
                continue;
            }

            LogFailure(backend, error);
            if (!route.Retry.Covers(error))
            {
                verdict = FailureVerdict.Only(error);
                break;
            }
        }

        return verdict.Of(route, unable);
    }

    /// <summary>
    /// Records that the upstream has answered, with the first chunk of a stream or with a whole answer. Called before the call is settled, because
    /// the routing information for the caller must be known by then.
    /// </summary>
    public void Answered(InferenceCall call, bool isStream)
    {
        var took = time.GetElapsedTime(call.AttemptStartedAt);
        var sinceStart = time.GetElapsedTime(call.Context.StartedAt);
        call.Answered(took, sinceStart, isStream);
        call.Backend.Health.Succeeded(call.IsTrial, took, isStream);
        metrics.Tried(call.Backend.Id, failure: null);
    }

    /// <summary>No target took the call: the routing information goes with the error.</summary>
    internal void GaveUp(InferenceCall call)
    {
        if (call.Attempts > 0)
        {
            call.GaveUp(time.GetElapsedTime(call.Context.StartedAt));
        }
    }

    /// <summary>The upstream failed after part of its answer had reached the caller.</summary>
    internal void FailedLate(InferenceCall call, UpstreamError error)
    {
        call.Backend.Health.Failed(isTrial: false, error);
        LogFailure(call.Backend, error);
    }

    /// <summary>Chooses the next target and enters its backend, passing over those whose one trial another call has taken.</summary>
    /// <returns>False if there is none left.</returns>
    private bool TryEnterNext(ModelRoute route, ref ulong tried, out int index, out bool isTrial)
    {
        isTrial = false;
        while ((index = TargetSelector.Next(route.Targets, route.Strategy, tried, time.GetTimestamp(), NextRandom())) >= 0)
        {
            tried |= 1UL << index;
            if (route.Targets[index].Backend.Health.TryEnter(out isTrial))
            {
                return true;
            }
        }

        return false;
    }

    private UpstreamError Failed(InferenceCall call, UpstreamError error)
    {
        // Whatever the provider took it for.
        error = deadlines.Interruption(call.Context.Caller) ?? error;
        call.AttemptFailed(error, time.GetElapsedTime(call.AttemptStartedAt));
        if (call.IsCutShort && error.Failure is UpstreamFailure.TimedOut)
        {
            // It might have answered in the usual time.
            call.Backend.Health.Abandoned(call.IsTrial);
        }
        else
        {
            call.Backend.Health.Failed(call.IsTrial, error);
        }

        metrics.Tried(call.Backend.Id, error.Failure);
        return error;
    }

    /// <summary>The caller left, or ScaiGrid has a bug: neither is evidence about the backend.</summary>
    /// <exception cref="OperationCanceledException">The caller left before anything was answered.</exception>
    private void Abandoned(InferenceCall call, Exception exception, CancellationToken callerGone)
    {
        if (call.IsAnswered)
        {
            return;
        }

        call.Backend.Health.Abandoned(call.IsTrial);
        if (callerGone.IsCancellationRequested && exception is (OperationCanceledException or HttpRequestException or IOException))
        {
            metrics.Abandoned(call.Backend.Id);

            // A cancelled read may also fail as a broken connection: for the waiting code both are a disconnect.
            throw new OperationCanceledException("The caller left.", exception, callerGone);
        }
    }

#pragma warning disable CA5394 // Spreading load needs no secrecy.
    private static double NextRandom() => Random.Shared.NextDouble();
#pragma warning restore CA5394

    // A refused request is not a failure of the backend.
    private void LogFailure(Backend backend, UpstreamError error)
    {
        if (error.Failure is not UpstreamFailure.RequestRefused && backend.Health.FailureLog.MayPass(error.Failure, out var failures))
        {
            AttemptFailed(backend.Id, error.Failure, failures);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Backend {BackendId} failed ({Failure}); failures of this kind since the last log line: {Failures}.")]
    private partial void AttemptFailed(string backendId, UpstreamFailure failure, int failures);
}
