using System.Globalization;
using Microsoft.EntityFrameworkCore;

namespace ScaiGrid.Platform.Data;

/// <summary>
/// Inserts many rows with few statements, for queues with thousands of rows per second, where the change tracker would cost most of the time.
/// </summary>
internal static class ManyRows
{
    private const int Together = 200;

    /// <param name="db">The context, whose current transaction is used.</param>
    /// <param name="table">The table's name; never from a caller.</param>
    /// <param name="columns">The columns' names; never from a caller.</param>
    /// <param name="rows">Values as stored: times are microseconds.</param>
    /// <param name="cancellationToken">Cancels the operation.</param>
    public static async Task InsertAsync(this PlatformDb db, string table, string[] columns, IEnumerable<object?[]> rows, CancellationToken cancellationToken)
    {
        foreach (var some in rows.Chunk(Together))
        {
            var places = some.Select((_, row) => $"({string.Join(", ", columns.Select((_, column) => Place((row * columns.Length) + column)))})");
            var sql = $"INSERT INTO {table} ({string.Join(", ", columns)}) VALUES {string.Join(", ", places)}";
            await db.Database.ExecuteSqlRawAsync(sql, some.SelectMany(row => row)!, cancellationToken);
        }
    }

    private static string Place(int index) => string.Create(CultureInfo.InvariantCulture, $"{{{index}}}");
}
