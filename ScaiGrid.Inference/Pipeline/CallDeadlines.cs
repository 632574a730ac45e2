using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Providers;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>Creates the deadlines of calls, and reports what ends a call from outside: disconnect, revoked credential, or shutdown.</summary>
public sealed class CallDeadlines(TimeProvider time, IHostApplicationLifetime host)
{
    /// <param name="call">The call.</param>
    /// <param name="firstByte">The timeout for the start of the answer: its first byte, or the first event of a stream.</param>
    /// <param name="idle">The timeout for each further byte.</param>
    /// <param name="overall">The timeout for the whole call.</param>
    /// <param name="callerGone">The caller's disconnect.</param>
    public CallDeadline Begin(InferenceCall call, TimeSpan firstByte, TimeSpan idle, TimeSpan overall, CancellationToken callerGone) =>
        new(time, firstByte, idle, overall, callerGone, call.Context.Caller.Revoked, host.ApplicationStopping);

    /// <summary>
    /// Why a call must end, whatever its upstream does; null if it need not. When the drain period is over the host stops, and its
    /// streams end with an error rather than a broken connection.
    /// </summary>
    public UpstreamError? Interruption(Caller caller) =>
        caller.Revoked.IsCancellationRequested ? UpstreamError.Revoked : host.ApplicationStopping.IsCancellationRequested ? UpstreamError.Stopping : null;
}
