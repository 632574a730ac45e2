using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;
using ScaiGrid.Platform.Idempotency;

namespace ScaiGrid.Platform.Audit;

/// <summary>
/// Adds the running call's audit row, and the result of its Idempotency-Key, to the transaction that makes the change, so that all are
/// stored or none. Used by the platform's context, and by modules in theirs.
/// </summary>
/// <remarks>
/// Registered before <c>SnapshotInterceptor</c>, so that all transactions lock the chain first and the revision second, both just before
/// the commit.
/// </remarks>
internal sealed class AuditInterceptor(AuditChain chain) : DbTransactionInterceptor, ISaveChangesInterceptor
{
    public ValueTask<InterceptionResult<int>> SavingChangesAsync(
        DbContextEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
    {
        if (eventData.Context is { } db)
        {
            AuditCall.Current?.Collect(db);
        }

        return ValueTask.FromResult(result);
    }

    public override async ValueTask<InterceptionResult> TransactionCommittingAsync(
        DbTransaction transaction, TransactionEventData eventData, InterceptionResult result, CancellationToken cancellationToken = default)
    {
        if (AuditCall.Current is not { } call || eventData.Context is not { } db)
        {
            return result;
        }

        // A call with several commits has a row for each with changes; its first commit has one even without tracked changes.
        var changes = call.ChangesOf(db);
        if (changes is not null || !call.IsRecorded)
        {
            await chain.AppendAsync(transaction, call, changes, call.StatusOfCommit, cancellationToken);
            if (call.Claim is { } claim)
            {
                await IdempotencyStore.MarkCommittedAsync(transaction, claim, cancellationToken);
            }
        }

        return result;
    }

    public override Task TransactionCommittedAsync(
        DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        if (eventData.Context is { } db)
        {
            AuditCall.Current?.Committed(db);
        }

        return Task.CompletedTask;
    }
}
