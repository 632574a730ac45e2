using MySqlConnector;

namespace ScaiGrid.Tests.Support;

/// <summary>SQL for what the HTTP API does not show, or cannot make yet.</summary>
public static class MariaDbStatements
{
    public static async Task ExecuteAsync(this MariaDbServer server, string sql, params (string Name, object? Value)[] parameters)
    {
        await using var connection = new MySqlConnection(server.ConnectionString());
        await connection.OpenAsync();
        await using var transaction = await connection.BeginTransactionAsync();
        await using var command = Command(connection, sql, parameters);
        command.Transaction = transaction;
        await command.ExecuteNonQueryAsync();
        await transaction.CommitAsync();
    }

    /// <summary>A transaction that holds what the statement locked until it is disposed, and then changes nothing.</summary>
    public static async Task<IAsyncDisposable> BeginAsync(this MariaDbServer server, string sql)
    {
        var connection = new MySqlConnection(server.ConnectionString());
        await connection.OpenAsync();
        var transaction = await connection.BeginTransactionAsync();
        await using var command = Command(connection, sql, []);
        command.Transaction = transaction;
        await command.ExecuteNonQueryAsync();
        return connection;
    }

    /// <summary>The columns of the only row, as text.</summary>
    public static async Task<IReadOnlyDictionary<string, string>> RowAsync(this MariaDbServer server, string sql, params (string Name, object? Value)[] parameters)
    {
        await using var connection = new MySqlConnection(server.ConnectionString());
        await connection.OpenAsync();
        await using var command = Command(connection, sql, parameters);
        await using var reader = await command.ExecuteReaderAsync();
        if (!await reader.ReadAsync())
        {
            throw new InvalidOperationException($"No row: {sql}");
        }

        return Enumerable.Range(0, reader.FieldCount).ToDictionary(reader.GetName, column => reader.GetValue(column).ToString() ?? "");
    }

    private static MySqlCommand Command(MySqlConnection connection, string sql, (string Name, object? Value)[] parameters)
    {
        var command = new MySqlCommand(sql, connection);
        foreach (var (name, value) in parameters)
        {
            command.Parameters.AddWithValue(name, value);
        }

        return command;
    }
}
