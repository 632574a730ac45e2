using Microsoft.EntityFrameworkCore;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Models;

/// <summary>
/// Writes that depend on rows read before, done one after the other: none is based on what another changes meanwhile. Administration is rare, so
/// one lock per kind is enough.
/// </summary>
internal static class InOrder
{
    /// <summary>The addresses of providers and backends, and the secrets that were given for them.</summary>
    public const string Connections = "connections";

    /// <summary>The routing, the groups and the access rules of models.</summary>
    public const string Models = "models";

    /// <summary>Runs <paramref name="work"/> as a transaction, under a lock. It throws instead of answering an error: an answer commits.</summary>
    /// <inheritdoc cref="UnitOfWork.TransactAsync{TContext, T}"/>
    public static Task<T> InOrderAsync<T>(
        this IDbContextFactory<PlatformDb> databases, string name, Func<PlatformDb, CancellationToken, Task<T>> work, CancellationToken cancellationToken) =>
        databases.TransactAsync(
            async (db, token) =>
            {
                await db.TakeLockAsync(name, token);
                return await work(db, token);
            },
            cancellationToken);
}
