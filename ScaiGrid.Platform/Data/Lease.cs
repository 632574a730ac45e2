using System.Data.Common;
using Microsoft.Data.Sqlite;
using ScaiGrid.Core.Data;

namespace ScaiGrid.Platform.Data;

/// <summary>
/// A lock with one owner at a time, across processes and servers: a row with the owner and the expiry by the database's clock.
/// (GET_LOCK would lock on one server only: Galera grants it on two nodes at once.)
/// </summary>
/// <param name="address">The database.</param>
/// <param name="table">A table with the columns name, owner and expires_at.</param>
/// <param name="name">The name of the lease.</param>
/// <param name="lifetime">The time after which an owner that does not renew the lease loses it.</param>
/// <param name="time">Measures the lifetime locally.</param>
internal sealed class Lease(DatabaseAddress address, string table, string name, TimeSpan lifetime, TimeProvider time)
{
    private const int SqliteBusy = 5;

    private readonly string _owner = $"{Environment.ProcessId}-{Ulid.NewUlid(time.GetUtcNow())}";
    private long _renewedAt;

    /// <summary>Whether this process holds the lease, by its own clock: never longer than by the database's.</summary>
    public bool IsHeld => Interlocked.Read(ref _renewedAt) is not 0 and var renewedAt && time.GetElapsedTime(renewedAt) < lifetime;

    private string Now => DatabaseClock.Sql(address.Kind);

    /// <summary>Takes the lease if it is free or has expired, and renews it if this process holds it.</summary>
    /// <returns>False if another process holds it, or the database is busy or unavailable.</returns>
    public async Task<bool> TryTakeAsync(CancellationToken cancellationToken)
    {
        var asked = time.GetTimestamp();
        try
        {
            var taken = await UpdateAsync(cancellationToken) || (await InsertAsync(cancellationToken) && await UpdateAsync(cancellationToken));
            if (taken)
            {
                Interlocked.Exchange(ref _renewedAt, asked);
            }

            return taken;
        }
        catch (DbException exception) when (exception is SqliteException { SqliteErrorCode: SqliteBusy } || DatabaseErrors.IsTransient(exception))
        {
            return false;
        }
    }

    /// <summary>Releases the lease, so that the next owner need not wait for its expiry.</summary>
    public async Task ReleaseAsync()
    {
        Interlocked.Exchange(ref _renewedAt, 0);
        try
        {
            await address.ExecuteAsync(
                $"UPDATE {table} SET owner = '', expires_at = 0 WHERE name = @name AND owner = @owner", CancellationToken.None, ("@name", name), ("@owner", _owner));
        }
        catch (DbException)
        {
            // The lease expires by itself.
        }
    }

    private async Task<bool> UpdateAsync(CancellationToken cancellationToken) =>
        await address.ExecuteAsync(
            $"UPDATE {table} SET owner = @owner, expires_at = {Now} + @lifetime WHERE name = @name AND (owner = @owner OR expires_at < {Now})",
            cancellationToken,
            ("@owner", _owner),
            ("@name", name),
            ("@lifetime", lifetime.Ticks / TimeSpan.TicksPerMicrosecond)) == 1;

    private async Task<bool> InsertAsync(CancellationToken cancellationToken)
    {
        var insert = address.Kind is DatabaseKind.Sqlite ? "INSERT OR IGNORE" : "INSERT IGNORE";
        return await address.ExecuteAsync(
            $"{insert} INTO {table} (name, owner, expires_at) VALUES (@name, '', 0)", cancellationToken, ("@name", name)) == 1;
    }
}
