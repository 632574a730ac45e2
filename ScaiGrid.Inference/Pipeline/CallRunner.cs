using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Telemetry;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// The way of a call that all operations share: find its model, admit it (rate limits and budgets, one round trip
/// to Redis at most), then try the model's targets. What must hold for every operation
/// is put in here once.
/// </summary>
public sealed class CallRunner(CallActivities activities, ModelResolver models, CallAdmission admission, Dispatcher dispatcher, InferenceMetrics metrics)
{
    /// <param name="call">The call; its route and backend are set here.</param>
    /// <param name="slug">The model, as the caller wrote it.</param>
    /// <param name="modality">What the operation needs of the model.</param>
    /// <param name="tryTarget">See <see cref="Dispatcher.RunAsync"/>.</param>
    /// <param name="callerGone">The caller's disconnect.</param>
    /// <returns>Null when the call came to its end; otherwise what to answer: nothing has reached the caller.</returns>
    /// <exception cref="OperationCanceledException">The caller left before anything was answered.</exception>
    public async Task<Problem?> RunAsync<TCall>(
        TCall call, string slug, string modality, Func<TCall, CancellationToken, Task<UpstreamError?>> tryTarget, CancellationToken callerGone)
        where TCall : InferenceCall
    {
        // While the body came in, perhaps.
        if (activities.Interruption(call.Context.Caller) is { } interruption)
        {
            return interruption.ToProblem();
        }

        var route = models.Resolve(slug, modality, call.Context, out var problem);
        if (route is not null)
        {
            call.Route = route;
        }

        // A call that finds no model counts for the rate limits too.
        if ((await admission.AdmitAsync(call, hasModel: route is not null, callerGone) ?? problem) is { } refusal)
        {
            metrics.Refused(refusal, call.Context);
            return refusal;
        }

        try
        {
            using var span = InferenceMetrics.StartSpan(call.Route, call.Operation);
            if (await dispatcher.RunAsync(call, tryTarget, callerGone) is not { } error)
            {
                return null;
            }

            dispatcher.GaveUp(call);
            var failure = error.ToProblem();
            if (error.IsUpstreams)
            {
                metrics.Failed(call, error.Failure);
            }
            else
            {
                metrics.Refused(failure, call.Context);
            }

            return failure;
        }
        catch (OperationCanceledException) when (!call.IsAnswered && callerGone.IsCancellationRequested)
        {
            metrics.Cancelled(call);
            throw;
        }
        finally
        {
            // What was not settled came to nothing.
            admission.Release(call.Ticket);
        }
    }
}
