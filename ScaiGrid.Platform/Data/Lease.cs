using System.Data.Common;
using Microsoft.Data.Sqlite;
using ScaiGrid.Core.Data;

namespace ScaiGrid.Platform.Data;

/// <summary>
/// One owner at a time, across processes and servers: a row that says whose it is and when that ends, by the database's clock.
/// (GET_LOCK would be a lock of one server only: Galera grants it on two nodes at once.)
/// </summary>
/// <param name="address">The database.</param>
/// <param name="table">A table with the columns name, owner and expires_at.</param>
/// <param name="name">What is leased.</param>
/// <param name="lifetime">After which an owner that does not renew has lost it.</param>
/// <param name="time">For the local view of the lifetime.</param>
internal sealed class Lease(DatabaseAddress address, string table, string name, TimeSpan lifetime, TimeProvider time)
{
    private const int SqliteBusy = 5;

    private readonly string _owner = $"{Environment.ProcessId}-{Ulid.NewUlid(time.GetUtcNow())}";
    private long _renewedAt;

    /// <summary>By this process's own clock, and never longer than the database sees it.</summary>
    public bool IsHeld => Interlocked.Read(ref _renewedAt) is not 0 and var renewedAt && time.GetElapsedTime(renewedAt) < lifetime;

    // Microseconds by the clock that all contenders share.
    private string Now => address.Kind is DatabaseKind.Sqlite
        ? "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
        : "CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)";

    /// <summary>Takes the lease when it is free or has run out, renews it when it is ours.</summary>
    /// <returns>False when another has it, and when the database is busy or away.</returns>
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

    /// <summary>Gives the lease back, so that the next one need not wait for its end.</summary>
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
            // It runs out by itself.
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
