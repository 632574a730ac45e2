using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Providers;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>Knows all that ends a call from outside: its caller's leave, the end of the credential, and the end of the process.</summary>
public sealed class CallActivities(TimeProvider time, IHostApplicationLifetime host)
{
    /// <param name="call">Whose bounds these are.</param>
    /// <param name="firstByte">Until something comes.</param>
    /// <param name="idle">Until something more comes.</param>
    /// <param name="overall">Until the end.</param>
    /// <param name="callerGone">The caller's disconnect.</param>
    public CallActivity Begin(InferenceCall call, TimeSpan firstByte, TimeSpan idle, TimeSpan overall, CancellationToken callerGone) =>
        new(time, firstByte, idle, overall, callerGone, call.Context.Caller.Revoked, host.ApplicationStopping);

    /// <summary>
    /// Why a call must end, whatever its upstream does: the host stops when the drain's time is over, and its streams end with an error
    /// rather than with their connection.
    /// </summary>
    public UpstreamError? Interruption(Caller caller) =>
        caller.Revoked.IsCancellationRequested ? UpstreamError.Revoked : host.ApplicationStopping.IsCancellationRequested ? UpstreamError.Stopping : null;
}
