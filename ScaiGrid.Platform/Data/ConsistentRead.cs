using System.Data;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace ScaiGrid.Platform.Data;

/// <summary>Several queries that all see the database as it was at one moment.</summary>
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
                    // Deferred: a reader must not take SQLite's one write lock, which is how transactions begin otherwise.
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
