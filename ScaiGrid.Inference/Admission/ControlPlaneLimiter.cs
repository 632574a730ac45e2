using System.Globalization;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Inference.Admission;

/// <summary>
/// Limits control-plane calls of authenticated callers: each may cost a database query, and each write an audit row. Each user has one
/// window over all API keys and sessions, because a window for each key would let users create windows. Each service token name has one.
/// </summary>
public sealed class ControlPlaneLimiter
{
    private readonly WindowLimiter _windows;
    private readonly AdmissionOptions _options;
    private readonly AdmissionMetrics _metrics;

    internal ControlPlaneLimiter(WindowLimiter windows, AdmissionOptions options, AdmissionMetrics metrics) =>
        (_windows, _options, _metrics) = (windows, options, metrics);

    /// <summary>Counts a call, unless <paramref name="callsModel"/> is present: then <see cref="CallAdmission"/> counts it.</summary>
    public async ValueTask<AdmissionOutcome> AdmitAsync(Caller caller, CallsModelAttribute? callsModel)
    {
        if (callsModel is not null || _options.ControlRequests == 0
            || await _windows.CountAsync(caller.TenantId, "c", caller.UserId, _options.ControlRequests) is not { } full)
        {
            return default;
        }

        _metrics.RateLimited(caller.TenantId);
        var message = string.Create(CultureInfo.InvariantCulture, $"The user's limit of {full.Limit} control-plane calls a minute is reached.");
        return new AdmissionOutcome(new Problem(InferenceErrors.RateLimited, message, full.RetryAfterSeconds), full);
    }
}
