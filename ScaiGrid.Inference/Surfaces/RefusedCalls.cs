using Microsoft.AspNetCore.Http;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Admission;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>
/// Counts calls of models that are refused before <see cref="CallAdmission"/> sees them, because of their body or a missing permission. They count
/// before their error is sent: a caller whose limit is reached gets that error instead.
/// </summary>
public sealed class RefusedCalls(CallAdmission admission) : IRefusalCounter
{
    public ValueTask<Problem> CountAsync(HttpContext context, Problem problem) =>
        context.Features.Get<Caller>() is { } caller ? CountAsync(context, caller, problem) : new(problem);

    /// <summary>The same for a caller who has not been set yet.</summary>
    public async ValueTask<Problem> CountAsync(HttpContext context, Caller caller, Problem problem)
    {
        // Failures of ours are not the caller's.
        if (problem.IsCounted || problem.Error.Status is < 400 or 401 or 429 or >= 500
            || context.GetEndpoint()?.Metadata.GetMetadata<CallsModelAttribute>() is null)
        {
            return problem;
        }

        var outcome = await admission.CountAsync(caller);
        RateLimitHeaders.Write(context, outcome.Limits);
        return outcome.Problem ?? problem;
    }
}
