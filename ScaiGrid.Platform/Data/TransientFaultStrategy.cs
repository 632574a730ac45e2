using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore.Storage;

namespace ScaiGrid.Platform.Data;

/// <summary>
/// Repeats a unit of work after a deadlock, a lost certification (Galera), or a failover: at once, then with growing delays, about two seconds
/// in all. If the database is still unavailable then, the caller gets an error and may retry.
/// </summary>
internal sealed class TransientFaultStrategy(ExecutionStrategyDependencies dependencies)
    : ExecutionStrategy(dependencies, maxRetryCount: Retries, maxRetryDelay: TimeSpan.FromMilliseconds(LongestMilliseconds))
{
    private const int Retries = 7;
    private const int FirstMilliseconds = 25;
    private const int LongestMilliseconds = 800;

    protected override bool ShouldRetryOn(Exception exception) => DatabaseErrors.IsTransient(exception);

    protected override TimeSpan? GetNextDelay(Exception lastException)
    {
        var failures = ExceptionsEncountered.Count;
        if (failures > Retries)
        {
            return null;
        }

        // 0, 25, 50, 100, 200, 400, 800 ms, each with a third of jitter, so that two transactions that deadlocked do not collide again.
        var wait = failures == 1 ? 0 : Math.Min(FirstMilliseconds << (failures - 2), LongestMilliseconds);
        return TimeSpan.FromMilliseconds(wait + RandomNumberGenerator.GetInt32((wait / 3) + 10));
    }
}
