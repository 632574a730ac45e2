using ScaiGrid.Core.Errors;

namespace ScaiGrid.Inference.Admission;

/// <summary>The decision on a call.</summary>
/// <param name="Problem">The reason for a refusal; null if the call may run.</param>
/// <param name="Limits">The state of the rate limits, shown to the caller in either case.</param>
/// <param name="Ticket">To be settled when the call ends; null if nothing was reserved.</param>
public readonly record struct AdmissionOutcome(Problem? Problem, RateLimitState Limits = default, AdmissionTicket? Ticket = null);
