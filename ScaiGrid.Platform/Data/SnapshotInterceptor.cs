using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.Logging;

namespace ScaiGrid.Platform.Data;

/// <summary>
/// Increments the revision of the hot path's snapshot in the transaction that changes its contents, and announces it after the commit.
/// </summary>
/// <remarks>
/// The revision is incremented last, just before the commit: its row lock is held for one round trip, and all transactions take it in the
/// same order. The changes are noted with it, so that replicas read only these. After a rollback the context keeps its notes; its next
/// transaction then notes more than it changes, which only causes unneeded reads.
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
            // The change is stored: processes find the revision when they poll.
            SnapshotSignalFailed(exception);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The snapshot's new revision could not be announced; processes will find it by themselves.")]
    private partial void SnapshotSignalFailed(Exception exception);
}
