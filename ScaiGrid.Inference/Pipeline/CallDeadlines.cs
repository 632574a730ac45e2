using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Providers;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>Creates the deadlines of calls, and reports what ends a call from outside: disconnect, revoked credential, or shutdown.</summary>
public sealed class CallDeadlines(InferenceOptions options, TimeProvider time, IHostApplicationLifetime host)
{
    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(1);

    /// <summary>Begins an attempt.</summary>
    /// <param name="call">The call.</param>
    /// <param name="isStream">True if the answer reaches the caller as it arrives: then each further byte, and the whole, have timeouts of their own.</param>
    /// <param name="callerGone">The caller's disconnect.</param>
    public CallDeadline Begin(InferenceCall call, bool isStream, CancellationToken callerGone)
    {
        var firstByte = options.DispatchTimeout;
        var idle = isStream ? options.IdleTimeout : options.DispatchTimeout;
        var overall = isStream ? options.StreamTimeout : options.DispatchTimeout;
        if (call.Attempts > 1)
        {
            var left = Left(call);
            call.IsCutShort = left < firstByte;
            (firstByte, overall) = (left < firstByte ? left : firstByte, left < overall ? left : overall);
        }

        return new(time, firstByte, idle, overall, callerGone, call.Context.Caller.Revoked, host.ApplicationStopping);
    }

    /// <summary>False if the attempts so far have taken all the time of a call: proxies close longer calls, and sessions are forgotten.</summary>
    public bool LeavesTime(InferenceCall call) => call.Attempts == 0 || Left(call) > Least;

    /// <summary>
    /// Why a call must end, whatever its upstream does; null if it need not. When the drain period is over the host stops, and its
    /// streams end with an error rather than a broken connection.
    /// </summary>
    public UpstreamError? Interruption(Caller caller) =>
        caller.Revoked.IsCancellationRequested ? UpstreamError.Revoked : host.ApplicationStopping.IsCancellationRequested ? UpstreamError.Stopping : null;

    private TimeSpan Left(InferenceCall call)
    {
        var left = options.LongestCall - time.GetElapsedTime(call.FirstAttemptAt);
        return left > Least ? left : Least;
    }
}
