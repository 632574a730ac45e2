using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

namespace ScaiGrid.Platform.Data;

/// <summary>Tells, of an exception as it leaves Entity Framework, that the database could not be reached, retries included.</summary>
internal static class DatabaseAway
{
    public static bool Is(Exception exception) => exception switch
    {
        RetryLimitExceededException { InnerException: { } inner } => Is(inner),
        DbUpdateException { InnerException: RetryLimitExceededException inner } => Is(inner),
        CommitUnknownException => true,
        _ => DatabaseErrors.IsAway(exception) || DatabaseErrors.IsTransient(exception),
    };
}
