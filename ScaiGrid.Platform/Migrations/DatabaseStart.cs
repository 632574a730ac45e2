using System.Data.Common;
using Microsoft.Data.Sqlite;
using MySqlConnector;
using ScaiGrid.Core.Data;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

/// <summary>Waits for the database server, and creates the database if it does not exist.</summary>
internal sealed class DatabaseStart(DatabaseAddress address, TimeProvider time, TextWriter output)
{
    private const int UnknownDatabase = 1049;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <exception cref="DbException">The server refused, or could not be reached for 60 s.</exception>
    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await (address.Kind is DatabaseKind.Sqlite ? PrepareSqliteAsync(cancellationToken) : PrepareMariaDbAsync(cancellationToken));
                return;
            }
            catch (Exception exception) when (DatabaseErrors.IsAway(exception) && time.GetElapsedTime(started) < Patience)
            {
                if (attempt == 1)
                {
                    await output.WriteLineAsync($"Waiting up to {Patience.TotalSeconds:0} s for the database: {exception.Message}");
                }

                await Task.Delay(Pause, time, cancellationToken);
            }
        }
    }

    private async Task PrepareSqliteAsync(CancellationToken cancellationToken)
    {
        var path = new SqliteConnectionStringBuilder(address.ConnectionString).DataSource;
        if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder)
        {
            Directory.CreateDirectory(folder);
        }

        // Write-ahead logging is stored in the file; see SqliteConnectionSetup.
        await address.ExecuteAsync("PRAGMA journal_mode = WAL", cancellationToken);
    }

    private async Task PrepareMariaDbAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await address.OpenAsync(cancellationToken);
        }
        catch (MySqlException exception) when (exception.Number == UnknownDatabase)
        {
            await CreateDatabaseAsync(cancellationToken);
        }
    }

    private async Task CreateDatabaseAsync(CancellationToken cancellationToken)
    {
        var server = new MySqlConnectionStringBuilder(address.ConnectionString);
        var name = server.Database;
        server.Database = "";
        var quoted = name.Replace("`", "``", StringComparison.Ordinal);
        await (address with { ConnectionString = server.ConnectionString }).ExecuteAsync(
            $"CREATE DATABASE IF NOT EXISTS `{quoted}` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", cancellationToken);
        await output.WriteLineAsync($"Created the database {name}.");
    }
}
