using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Platform.Data;

/// <summary>Recognises exceptions of Entity Framework that mean that the database is unavailable or does not respond in time, after retries.</summary>
internal static class DatabaseAway
{
    /// <summary>503 instead of 500: it is not an error of ours, and the caller may retry.</summary>
    public static readonly Problem Problem = new(CoreErrors.Unavailable, "The database is unavailable; try again.", RetryAfterSeconds: 5);

    public static bool Is(Exception exception) => exception switch
    {
        RetryLimitExceededException { InnerException: { } inner } => Is(inner),
        DbUpdateException { InnerException: RetryLimitExceededException inner } => Is(inner),
        CommitUnknownException => true,
        _ => DatabaseErrors.IsAway(exception) || DatabaseErrors.IsTransient(exception) || DatabaseErrors.IsTimeout(exception),
    };
}
