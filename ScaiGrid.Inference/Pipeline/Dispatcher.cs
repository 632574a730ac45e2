using System.Numerics;
using Microsoft.Extensions.Logging;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Telemetry;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// Tries the targets of a model, one after the other, until one of them has the call: the same for every operation. A failure that may
/// pass elsewhere moves on to the next target; nothing has reached the caller then. Targets whose circuit is open are passed over.
/// </summary>
public sealed partial class Dispatcher(CallActivities activities, InferenceMetrics metrics, TimeProvider time, ILogger<Dispatcher> logger)
{
    /// <param name="call">The call; its backend is set before each attempt.</param>
    /// <param name="tryTarget">Sends the call to <see cref="InferenceCall.Backend"/>: null when it came to its end, whichever; an error when nothing has reached the caller.</param>
    /// <param name="callerGone">The caller's disconnect.</param>
    /// <returns>Null when the call came to its end; otherwise what the caller is told.</returns>
    /// <exception cref="OperationCanceledException">The caller left before anything was answered.</exception>
    public async Task<UpstreamError?> RunAsync<TCall>(
        TCall call, Func<TCall, CancellationToken, Task<UpstreamError?>> tryTarget, CancellationToken callerGone)
        where TCall : InferenceCall
    {
        var route = call.Route;
        var verdict = new FailureVerdict();
        var (tried, unable) = (0UL, 0UL);
        while (call.Attempts - BitOperations.PopCount(unable) < route.Retry.MaxAttempts)
        {
            var index = TargetSelector.Next(route.Targets, route.Strategy, tried, time.GetTimestamp(), NextRandom());
            if (index < 0)
            {
                break;
            }

            tried |= 1UL << index;
            var backend = route.Targets[index].Backend;
            if (!backend.Health.TryEnter(out var isTrial))
            {
                // Another call was faster: it is the trial.
                continue;
            }

            call.BeginAttempt(backend, isTrial, time.GetTimestamp());
            if (await TryAsync(call, tryTarget, callerGone) is not { } error)
            {
                return null;
            }

            if (!error.IsUpstreams)
            {
                return error;
            }

            verdict.Add(error);
            if (error.Failure is UpstreamFailure.Unsupported)
            {
                // Nothing failed, and the next may take it instead.
                unable |= 1UL << index;
                continue;
            }

            LogFailure(backend, error);
            if (!route.Retry.Covers(error))
            {
                return error;
            }
        }

        return verdict.Of(route, unable);
    }

    /// <summary>
    /// The upstream has answered: with the first chunk of a stream, whose rest takes as long as it takes, or as a whole. Said before the call
    /// is settled, so that what the caller is told of the routing is known by then.
    /// </summary>
    public void Answered(InferenceCall call, bool isStream)
    {
        var took = time.GetElapsedTime(call.AttemptStartedAt);
        var sinceStart = time.GetElapsedTime(call.Context.StartedAt);
        call.Answered(took, sinceStart, isStream);
        call.Backend.Health.Succeeded(call.IsTrial, took, isStream);
        metrics.Tried(call.Backend.Id, failure: null);
    }

    /// <summary>No target took the call: what is told of its way is told with the error.</summary>
    internal void GaveUp(InferenceCall call)
    {
        if (call.Attempts > 0)
        {
            call.GaveUp(time.GetElapsedTime(call.Context.StartedAt));
        }
    }

    /// <summary>The upstream broke when part of its answer had reached the caller.</summary>
    internal void FailedLate(InferenceCall call, UpstreamError error)
    {
        call.Backend.Health.Failed(isTrial: false, error);
        LogFailure(call.Backend, error);
    }

    private async Task<UpstreamError?> TryAsync<TCall>(
        TCall call, Func<TCall, CancellationToken, Task<UpstreamError?>> tryTarget, CancellationToken callerGone)
        where TCall : InferenceCall
    {
        var health = call.Backend.Health;
        try
        {
            var error = await tryTarget(call, callerGone);

            // Whatever it looks like to the provider.
            error = error is null ? null : activities.Interruption(call.Context.Caller) ?? error;
            if (error is not null)
            {
                call.AttemptFailed(error, time.GetElapsedTime(call.AttemptStartedAt));
                health.Failed(call.IsTrial, error);
                metrics.Tried(call.Backend.Id, error.Failure);
            }

            return error;
        }
        catch (Exception exception)
        {
            // The caller left, or a bug of ours: neither tells anything of the backend.
            if (!call.IsAnswered)
            {
                health.Abandoned(call.IsTrial);
                if (callerGone.IsCancellationRequested && exception is (OperationCanceledException or HttpRequestException or IOException))
                {
                    metrics.Abandoned(call.Backend.Id);

                    // A read that is cancelled may also fail as a connection that broke: to whoever waits, it is a leave in either case.
                    throw new OperationCanceledException("The caller left.", exception, callerGone);
                }
            }

            throw;
        }
        finally
        {
            health.Leave();
        }
    }

#pragma warning disable CA5394 // Spreading load needs no secrecy.
    private static double NextRandom() => Random.Shared.NextDouble();
#pragma warning restore CA5394

    // A request that was refused is no failure of the backend's.
    private void LogFailure(Backend backend, UpstreamError error)
    {
        if (error.Failure is not UpstreamFailure.RequestRefused && backend.Health.FailureLog.MayPass(error.Failure, out var failures))
        {
            AttemptFailed(backend.Id, error.Failure, failures);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Backend {BackendId} failed ({Failure}); such failures since this was last said: {Failures}.")]
    private partial void AttemptFailed(string backendId, UpstreamFailure failure, int failures);
}
