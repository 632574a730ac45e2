using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore.Storage;

namespace ScaiGrid.Platform.Data;

/// <summary>
/// Runs a unit of work again after a deadlock, a lost certification (Galera), or a failover: at once, then after longer and longer
/// waits, all of them together about two seconds. Who still has no database then learns so, and may try again.
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

        // 0, 25, 50, 100, 200, 400, 800 ms, each spread by a third, so that two who deadlocked do not meet again.
        var wait = failures == 1 ? 0 : Math.Min(FirstMilliseconds << (failures - 2), LongestMilliseconds);
        return TimeSpan.FromMilliseconds(wait + RandomNumberGenerator.GetInt32((wait / 3) + 10));
    }
}
