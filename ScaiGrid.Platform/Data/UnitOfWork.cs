using Microsoft.EntityFrameworkCore;

namespace ScaiGrid.Platform.Data;

/// <summary>Runs several statements as one transaction, which is repeated as a whole if the database requires it.</summary>
public static class UnitOfWork
{
    /// <summary>
    /// Runs <paramref name="work"/> on a new context in a transaction, saves and commits. After a deadlock or failover all of it is repeated, so
    /// <paramref name="work"/> must have no effects outside of the database.
    /// </summary>
    /// <exception cref="CommitUnknownException">The connection was lost during the commit.</exception>
    public static async Task<T> TransactAsync<TContext, T>(
        this IDbContextFactory<TContext> factory, Func<TContext, CancellationToken, Task<T>> work, CancellationToken cancellationToken)
        where TContext : DbContext
    {
        await using var first = await factory.CreateDbContextAsync(cancellationToken);
        return await first.Database.CreateExecutionStrategy().ExecuteAsync(
            async token =>
            {
                await using var db = await factory.CreateDbContextAsync(token);
                await using var transaction = await db.Database.BeginTransactionAsync(token);
                var result = await work(db, token);
                await db.SaveChangesAsync(token);
                await CommitAsync(transaction, token);
                return result;
            },
            cancellationToken);
    }

    /// <inheritdoc cref="TransactAsync{TContext, T}"/>
    public static Task TransactAsync<TContext>(
        this IDbContextFactory<TContext> factory, Func<TContext, CancellationToken, Task> work, CancellationToken cancellationToken)
        where TContext : DbContext =>
        factory.TransactAsync(
            async (db, token) =>
            {
                await work(db, token);
                return true;
            },
            cancellationToken);

    private static async Task CommitAsync(Microsoft.EntityFrameworkCore.Storage.IDbContextTransaction transaction, CancellationToken cancellationToken)
    {
        try
        {
            await transaction.CommitAsync(cancellationToken);
        }
        catch (Exception exception) when (DatabaseErrors.IsAway(exception))
        {
            // It may have been stored. Repeating the work could do it twice, so the caller has to find out.
            throw new CommitUnknownException(exception);
        }
    }
}
