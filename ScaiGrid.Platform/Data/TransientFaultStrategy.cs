using Microsoft.EntityFrameworkCore.Storage;

namespace ScaiGrid.Platform.Data;

/// <summary>Runs a unit of work again after a deadlock, a lost certification (Galera), or a failover.</summary>
internal sealed class TransientFaultStrategy(ExecutionStrategyDependencies dependencies)
    : ExecutionStrategy(dependencies, maxRetryCount: 5, maxRetryDelay: TimeSpan.FromSeconds(3))
{
    protected override bool ShouldRetryOn(Exception exception) => DatabaseErrors.IsTransient(exception);
}
