using System.Data.Common;
using Microsoft.Data.Sqlite;
using MySqlConnector;
using ScaiGrid.Core.Data;

namespace ScaiGrid.Platform.Data;

/// <summary>Plain connections, for work that must not use an execution strategy, or that runs before the schema exists.</summary>
internal static class DatabaseConnections
{
    public static async Task<DbConnection> OpenAsync(this DatabaseAddress address, CancellationToken cancellationToken)
    {
        DbConnection connection = address.Kind is DatabaseKind.Sqlite
            ? new SqliteConnection(address.ConnectionString)
            : new MySqlConnection(address.ConnectionString);
        try
        {
            await connection.OpenAsync(cancellationToken);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <returns>The number of matched rows.</returns>
    public static async Task<int> ExecuteAsync(
        this DatabaseAddress address, string sql, CancellationToken cancellationToken, params (string Name, object Value)[] parameters)
    {
        await using var connection = await address.OpenAsync(cancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.Add(parameters);
        return await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Adds parameters; the names include the <c>@</c>.</summary>
    public static void Add(this DbCommand command, params ReadOnlySpan<(string Name, object Value)> parameters)
    {
        foreach (var (name, value) in parameters)
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = (name, value);
            command.Parameters.Add(parameter);
        }
    }
}
