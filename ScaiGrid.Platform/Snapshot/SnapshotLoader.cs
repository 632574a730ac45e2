using System.Globalization;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Identity;

namespace ScaiGrid.Platform.Snapshot;

/// <summary>Builds the hot path's snapshot from the database. One load at a time.</summary>
internal sealed class SnapshotLoader(IDbContextFactory<PlatformDb> databases, BackendPool backends, TimeProvider time)
{
    public async Task<(GridSnapshot Grid, HomeTenant? Home)> LoadAsync(CancellationToken cancellationToken)
    {
        var rows = await SnapshotRows.ReadAsync(databases, time.GetUtcNow(), cancellationToken);
        var callers = new CallerTable(rows);
        var grid = new GridSnapshot
        {
            Revision = rows.Revision,
            Keys = callers.Keys(),
            Models = RouteTable.Models(rows, backends.Connect(rows)),
        };
        return (grid, callers.Home());
    }

    public async Task<long> RevisionAsync(CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);

        // Below the execution strategy: whoever asks every second needs no retries, and wants the database's own words when it is away.
        await db.Database.OpenConnectionAsync(cancellationToken);
        await using var command = db.Database.GetDbConnection().CreateCommand();
        command.CommandText = "SELECT revision FROM snapshot_revision WHERE id = 1";
        return Convert.ToInt64(await command.ExecuteScalarAsync(cancellationToken), CultureInfo.InvariantCulture);
    }
}
