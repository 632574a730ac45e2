using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Platform.Data;

/// <summary>Recognises exceptions of Entity Framework that mean that the database is unavailable, after retries.</summary>
internal static class DatabaseAway
{
    /// <summary>503 instead of 500: it is not an error of ours, and the caller may retry.</summary>
    public static readonly Problem Problem = new(CoreErrors.Unavailable, "The database is unavailable; try again.", RetryAfterSeconds: 5);

    public static bool Is(Exception exception) =>
        Cause(exception) is var cause && (cause is CommitUnknownException || DatabaseErrors.IsAway(cause) || DatabaseErrors.IsTransient(cause));

    /// <summary>
    /// Whether a statement got no answer: the database is unavailable, or the statement waited too long, for example for a lock. A caller is told
    /// the same in both cases; background work goes on after a timeout, because only what it waited for is affected.
    /// </summary>
    public static bool IsUnanswered(Exception exception) => Is(exception) || DatabaseErrors.IsTimeout(Cause(exception));

    private static Exception Cause(Exception exception) => exception switch
    {
        RetryLimitExceededException { InnerException: { } inner } => Cause(inner),
        DbUpdateException { InnerException: RetryLimitExceededException inner } => Cause(inner),
        _ => exception,
    };
}
