using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Telemetry;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// The steps that all operations share: resolve the model, admit the call (rate limits and budgets, at most one round trip
/// to Redis), then try the model's targets. Rules for every operation are enforced here, once.
/// </summary>
public sealed class CallRunner(
    CallDeadlines deadlines, ModelResolver models, CallAdmission admission, Dispatcher dispatcher, UsageSettlement settlement, InferenceMetrics metrics)
{
    /// <param name="call">The call; its route and backend are set here.</param>
    /// <param name="slug">The model, as the caller wrote it.</param>
    /// <param name="modality">The modality that the operation requires.</param>
    /// <param name="tryTarget">See <see cref="Dispatcher.RunAsync"/>.</param>
    /// <param name="callerGone">The caller's disconnect.</param>
    /// <returns>Null if the call is complete; otherwise the problem to answer with: nothing has reached the caller.</returns>
    /// <exception cref="OperationCanceledException">The caller left before anything was answered.</exception>
    public async Task<Problem?> RunAsync<TCall>(
        TCall call, string slug, string modality, Func<TCall, CancellationToken, Task<UpstreamError?>> tryTarget, CancellationToken callerGone)
        where TCall : InferenceCall
    {
        // The credential may have been revoked while the body was read.
        if (deadlines.Interruption(call.Context.Caller) is { } interruption)
        {
            return interruption.ToProblem();
        }

        var route = models.Resolve(slug, modality, call.Context, out var problem);
        if (route is not null)
        {
            call.Route = route;
        }

        // A call for an unknown model counts towards the rate limits too.
        if ((await admission.AdmitAsync(call, hasModel: route is not null, callerGone) ?? problem) is { } refusal)
        {
            metrics.Refused(refusal, call.Context);
            return refusal with { IsCounted = true };
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
            if (call.Spent is { } spent && call.Context.Caller.Terms?.IsRepeatedAfter(failure) is not true)
            {
                await settlement.SettleAsync(call, spent.Usage, spent.IsEstimated, CallStatus.Error);
            }
            else if (error.IsUpstreams)
            {
                metrics.Failed(call, error.Failure);
            }
            else
            {
                metrics.Refused(failure, call.Context);
            }

            return failure with { IsCounted = true };
        }
        catch (OperationCanceledException) when (!call.IsAnswered && callerGone.IsCancellationRequested)
        {
            if (call.Spent is { } spent)
            {
                dispatcher.GaveUp(call);
                await settlement.SettleAsync(call, spent.Usage, spent.IsEstimated, CallStatus.Cancelled);
            }
            else
            {
                metrics.Cancelled(call);
            }

            throw;
        }
        finally
        {
            // A reservation that was not settled is returned.
            admission.Release(call.Ticket);
        }
    }
}
