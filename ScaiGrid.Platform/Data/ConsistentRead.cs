using System.Data;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace ScaiGrid.Platform.Data;

/// <summary>Runs several queries that see the database at the same moment.</summary>
internal static class ConsistentRead
{
    public static async Task<T> ReadConsistentlyAsync<TContext, T>(
        this IDbContextFactory<TContext> factory, Func<TContext, CancellationToken, Task<T>> read, CancellationToken cancellationToken)
        where TContext : DbContext
    {
        await using var first = await factory.CreateDbContextAsync(cancellationToken);
        return await first.Database.CreateExecutionStrategy().ExecuteAsync(
            async token =>
            {
                await using var db = await factory.CreateDbContextAsync(token);
                await db.Database.OpenConnectionAsync(token);
                if (db.Database.GetDbConnection() is SqliteConnection sqlite)
                {
                    // Deferred: transactions otherwise begin by taking SQLite's only write lock, which a reader must not do.
                    await using var transaction = sqlite.BeginTransaction(deferred: true);
                    await db.Database.UseTransactionAsync(transaction, token);
                    return await read(db, token);
                }
                else
                {
                    await using var transaction = await db.Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, token);
                    return await read(db, token);
                }
            },
            cancellationToken);
    }
}
