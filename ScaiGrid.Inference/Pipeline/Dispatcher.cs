using Microsoft.Extensions.Logging;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// Tries the targets of a model, one after the other, until one of them has the call: the same for every operation. A failure that may
/// pass elsewhere moves on to the next target; nothing has reached the caller then.
/// </summary>
public sealed partial class Dispatcher(ILogger<Dispatcher> logger)
{
    /// <param name="attempt">The call; its number and backend are set before each try.</param>
    /// <param name="tryTarget">Sends the call to <see cref="Attempt.Backend"/>: null when it came to its end, whichever; an error when nothing has reached the caller.</param>
    /// <param name="callerGone">The caller's disconnect.</param>
    /// <returns>Null when the call came to its end; otherwise why the last target failed.</returns>
    public async Task<UpstreamError?> RunAsync<TAttempt>(
        TAttempt attempt, Func<TAttempt, CancellationToken, Task<UpstreamError?>> tryTarget, CancellationToken callerGone)
        where TAttempt : Attempt
    {
        var targets = attempt.Route.Targets;
        var error = new UpstreamError(UpstreamFailure.ConnectionFailed);
        for (ulong tried = 0; attempt.Number < InferenceOptions.MaxAttempts;)
        {
            var index = TargetSelector.Next(targets, tried, NextRandom());
            if (index < 0)
            {
                break;
            }

            tried |= 1UL << index;
            attempt.Number++;
            attempt.Backend = targets[index].Backend;
            error = await TryAsync(attempt, tryTarget, callerGone);
            if (error is null)
            {
                return null;
            }

            // Whatever it looks like to the provider.
            if (attempt.Call.Caller.Revoked.IsCancellationRequested)
            {
                return UpstreamError.Revoked;
            }

            AttemptFailed(attempt.Backend.Id, error.Failure, attempt.Number);
            if (!error.MayFailOver)
            {
                break;
            }
        }

        return error;
    }

    private static async Task<UpstreamError?> TryAsync<TAttempt>(
        TAttempt attempt, Func<TAttempt, CancellationToken, Task<UpstreamError?>> tryTarget, CancellationToken callerGone)
        where TAttempt : Attempt
    {
        attempt.Backend.Enter();
        try
        {
            return await tryTarget(attempt, callerGone);
        }
        finally
        {
            attempt.Backend.Leave();
        }
    }

    /// <summary>The upstream broke when part of its answer had reached the caller.</summary>
    internal void FailedLate(Attempt attempt, UpstreamError error) => AttemptFailed(attempt.Backend.Id, error.Failure, attempt.Number);

#pragma warning disable CA5394 // Spreading load needs no secrecy.
    private static double NextRandom() => Random.Shared.NextDouble();
#pragma warning restore CA5394

    [LoggerMessage(Level = LogLevel.Warning, Message = "Backend {BackendId} failed ({Failure}) at attempt {Attempt}.")]
    private partial void AttemptFailed(string backendId, UpstreamFailure failure, int attempt);
}
