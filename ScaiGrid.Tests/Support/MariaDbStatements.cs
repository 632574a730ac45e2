using MySqlConnector;

namespace ScaiGrid.Tests.Support;

/// <summary>SQL for state that the HTTP API does not show or cannot create.</summary>
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

    /// <summary>Begins a transaction that keeps the statement's locks until it is disposed, and is then rolled back.</summary>
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

    /// <summary>The columns, of all tables, that contain a text.</summary>
    public static async Task<IReadOnlyList<string>> ColumnsWithAsync(this MariaDbServer server, string text)
    {
        await using var connection = new MySqlConnection(server.ConnectionString());
        await connection.OpenAsync();
        var columns = new List<(string Table, string Column)>();
        await using (var list = Command(
            connection,
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND data_type NOT IN ('int', 'bigint', 'smallint', 'tinyint', 'decimal')",
            []))
        await using (var reader = await list.ExecuteReaderAsync())
        {
            while (await reader.ReadAsync())
            {
                columns.Add((reader.GetString(0), reader.GetString(1)));
            }
        }

        var found = new List<string>();
        foreach (var (table, column) in columns)
        {
            await using var count = Command(connection, $"SELECT COUNT(*) FROM `{table}` WHERE INSTR(CAST(`{column}` AS CHAR), @text) > 0", [("text", text)]);
            if (Convert.ToInt64(await count.ExecuteScalarAsync(), System.Globalization.CultureInfo.InvariantCulture) > 0)
            {
                found.Add($"{table}.{column}");
            }
        }

        return found;
    }

    private static MySqlCommand Command(MySqlConnection connection, string sql, (string Name, object? Value)[] parameters)
    {
        // On a busy machine, inserting many rows takes long.
        var command = new MySqlCommand(sql, connection) { CommandTimeout = 600 };
        foreach (var (name, value) in parameters)
        {
            command.Parameters.AddWithValue(name, value);
        }

        return command;
    }
}
