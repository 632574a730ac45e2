using System.Data;
using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace ScaiGrid.Platform.Data;

/// <summary>
/// MariaDB's transactions are READ COMMITTED unless they ask for another level, those of <c>SaveChanges</c> included. At REPEATABLE READ a
/// transaction that had to wait for a shared row, such as the end of an audit chain, is rolled back because the row changed since its first read.
/// </summary>
internal sealed class ReadCommittedTransactions : DbTransactionInterceptor
{
    public override async ValueTask<InterceptionResult<DbTransaction>> TransactionStartingAsync(
        DbConnection connection, TransactionStartingEventData eventData, InterceptionResult<DbTransaction> result, CancellationToken cancellationToken = default) =>
        eventData.IsolationLevel is IsolationLevel.Unspecified && !result.HasResult
            ? InterceptionResult<DbTransaction>.SuppressWithResult(await connection.BeginTransactionAsync(IsolationLevel.ReadCommitted, cancellationToken))
            : result;
}
