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
    private const int Refreshes = 60;

    private readonly CallAdmission _calls;
    private readonly WindowLimiter _windows;
    private readonly AdmissionOptions _options;
    private readonly AdmissionMetrics _metrics;

    internal ControlPlaneLimiter(CallAdmission calls, WindowLimiter windows, AdmissionOptions options, AdmissionMetrics metrics) =>
        (_calls, _windows, _options, _metrics) = (calls, windows, options, metrics);

    /// <summary>
    /// Counts a call, unless <paramref name="callsModel"/> is present: then <see cref="CallAdmission"/> counts it, and here it is only refused if its
    /// limit is known to be reached.
    /// </summary>
    public ValueTask<AdmissionOutcome> AdmitAsync(Caller caller, CallsModelAttribute? callsModel) =>
        callsModel is null ? CountAsync(caller) : new(_calls.RefuseKnown(caller));

    /// <summary>
    /// Counts a refresh of a session. Each session has its own window: a refresh token that was used and copied must not use up its user's calls.
    /// </summary>
    /// <returns>Null if the session may be refreshed.</returns>
    public async ValueTask<Problem?> AdmitRefreshAsync(string sessionId) => await _windows.CountAsync(sessionId, "r", sessionId, Refreshes) is { } full
        ? new Problem(InferenceErrors.RateLimited, "The session was refreshed too often.", full.RetryAfterSeconds)
        : null;

    private async ValueTask<AdmissionOutcome> CountAsync(Caller caller)
    {
        if (_options.ControlRequests == 0
            || await _windows.CountAsync(caller.TenantId, "c", caller.UserId, _options.ControlRequests) is not { } full)
        {
            return default;
        }

        _metrics.RateLimited(caller.TenantId);
        var message = string.Create(CultureInfo.InvariantCulture, $"The user's limit of {full.Limit} control-plane calls a minute is reached.");
        return new AdmissionOutcome(new Problem(InferenceErrors.RateLimited, message, full.RetryAfterSeconds), full);
    }
}
