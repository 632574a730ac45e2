using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Platform.Data;

/// <summary>Tells, of an exception as it leaves Entity Framework, that the database could not be reached, retries included.</summary>
internal static class DatabaseAway
{
    /// <summary>No error of ours to hide behind 500: the caller may try again.</summary>
    public static readonly Problem Problem = new(CoreErrors.Unavailable, "The database is out of reach; try again.", RetryAfterSeconds: 5);

    public static bool Is(Exception exception) => exception switch
    {
        RetryLimitExceededException { InnerException: { } inner } => Is(inner),
        DbUpdateException { InnerException: RetryLimitExceededException inner } => Is(inner),
        CommitUnknownException => true,
        _ => DatabaseErrors.IsAway(exception) || DatabaseErrors.IsTransient(exception),
    };
}
