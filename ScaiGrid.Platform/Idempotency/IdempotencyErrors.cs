using ScaiGrid.Core.Errors;

namespace ScaiGrid.Platform.Idempotency;

internal static class IdempotencyErrors
{
    public static readonly Error Conflict = new("IDEMPOTENCY_CONFLICT", 409, "This Idempotency-Key was used for another request.");

    public static readonly Problem StillRunning = new(Conflict, "The first call with this Idempotency-Key is still running.", RetryAfterSeconds: 1);

    public static readonly Problem AnswerLost = new(
        Conflict, "The call with this Idempotency-Key was carried out, but its answer was lost with the replica: read the resource instead of repeating the call.");

    public static readonly Problem TakenOver = new(Conflict, "Another call with this Idempotency-Key took this one over; nothing was changed here.");
}
