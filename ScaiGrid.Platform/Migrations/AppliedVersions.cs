using System.Data.Common;
using Microsoft.Data.Sqlite;
using MySqlConnector;

namespace ScaiGrid.Platform.Migrations;

/// <summary>Reads a stream's version table without creating it.</summary>
internal static class AppliedVersions
{
    private const int MariaDbNoSuchTable = 1146;
    private const int SqliteGenericError = 1;

    /// <summary>The steps that have not been applied, oldest first.</summary>
    public static async Task<IReadOnlyList<MigrationStep>> PendingAsync(DbConnection connection, MigrationStream stream, CancellationToken cancellationToken)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = $"SELECT {VersionTable.Version} FROM {stream.VersionTable}";
        var applied = new HashSet<long>();
        try
        {
            await using var reader = await command.ExecuteReaderAsync(cancellationToken);
            while (await reader.ReadAsync(cancellationToken))
            {
                applied.Add(reader.GetInt64(0));
            }
        }
        catch (DbException exception) when (IsMissingTable(exception))
        {
            return stream.Steps;
        }

        return [.. stream.Steps.Where(step => !applied.Contains(step.Version))];
    }

    private static bool IsMissingTable(DbException exception) => exception is
        MySqlException { Number: MariaDbNoSuchTable } or
        SqliteException { SqliteErrorCode: SqliteGenericError };
}
