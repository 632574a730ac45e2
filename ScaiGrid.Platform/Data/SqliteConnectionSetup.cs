using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace ScaiGrid.Platform.Data;

/// <summary>
/// Several processes share one SQLite file. The Migrator enables write-ahead logging, which is stored in the file: readers and the writer do not
/// wait for each other. Writers wait in SQLite's own queue (the busy timeout) before the driver's coarse polling begins.
/// </summary>
internal sealed class SqliteConnectionSetup : DbConnectionInterceptor
{
    public const string Statement = "PRAGMA busy_timeout = 5000";

    public override async Task ConnectionOpenedAsync(DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = Statement;
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
