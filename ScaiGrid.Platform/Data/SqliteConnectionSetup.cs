using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace ScaiGrid.Platform.Data;

/// <summary>
/// One SQLite file is shared by several processes. The Migrator turns on write-ahead logging, which stays in the file: readers and
/// the writer then do not wait for each other. Writers wait here, in SQLite's own queue, before the driver's coarse polling begins.
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
