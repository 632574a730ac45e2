using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.Logging;

namespace ScaiGrid.Platform.Data;

/// <summary>
/// Gives the hot path's snapshot a new revision in the transaction that changes what it contains, and announces it after the commit.
/// </summary>
/// <remarks>
/// The revision is counted last, just before the commit: its row lock is held for one round trip, and all transactions take it in the
/// same order. What it changed is noted beside it, for replicas to read no more than that. A transaction that was rolled back leaves
/// its notes; the next one then counts more than it changed, which only costs a look.
/// </remarks>
internal sealed partial class SnapshotInterceptor(ILogger<SnapshotInterceptor> logger, ISnapshotSignal? signal = null)
    : DbTransactionInterceptor, ISaveChangesInterceptor
{
    public ValueTask<InterceptionResult<int>> SavingChangesAsync(
        DbContextEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
    {
        if (eventData.Context is PlatformDb db)
        {
            foreach (var entry in db.ChangeTracker.Entries<ISnapshotted>().Where(entry => entry.State is not (EntityState.Unchanged or EntityState.Detached)))
            {
                db.SnapshotChangeSet.Add(entry);
            }
        }

        return ValueTask.FromResult(result);
    }

    public override async ValueTask<InterceptionResult> TransactionCommittingAsync(
        DbTransaction transaction, TransactionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
    {
        if (eventData.Context is PlatformDb { SnapshotChangeSet: { IsEmpty: false } changes })
        {
            await changes.CountAsync(transaction, cancellationToken);
        }

        return result;
    }

    public override async Task TransactionCommittedAsync(
        DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        if (eventData.Context is not PlatformDb { SnapshotChangeSet: { IsEmpty: false } changes })
        {
            return;
        }

        changes.Clear();
        try
        {
            await (signal?.ChangedAsync(cancellationToken) ?? ValueTask.CompletedTask);
        }
        catch (Exception exception)
        {
            // The change is stored: processes find the revision when they next look.
            SnapshotSignalFailed(exception);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The snapshot's new revision could not be announced; processes will find it by themselves.")]
    private partial void SnapshotSignalFailed(Exception exception);
}
