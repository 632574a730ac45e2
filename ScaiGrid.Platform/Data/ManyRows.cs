using System.Globalization;
using Microsoft.EntityFrameworkCore;

namespace ScaiGrid.Platform.Data;

/// <summary>Inserts many rows by few statements, for queues that take thousands a second: the change tracker's work would be most of theirs.</summary>
internal static class ManyRows
{
    private const int Together = 200;

    /// <param name="db">In whose running transaction.</param>
    /// <param name="table">Ours, never a caller's.</param>
    /// <param name="columns">Likewise.</param>
    /// <param name="rows">Values as the columns have them: times are microseconds.</param>
    /// <param name="cancellationToken">To end early.</param>
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
