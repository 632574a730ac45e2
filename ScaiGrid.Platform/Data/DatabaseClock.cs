using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Data;

namespace ScaiGrid.Platform.Data;

/// <summary>The database's clock, which all processes share, in microseconds.</summary>
internal static class DatabaseClock
{
    /// <summary>The current time, as SQL.</summary>
    public static string Sql(DatabaseKind kind) => kind is DatabaseKind.Sqlite
        ? "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"
        : "CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000 AS SIGNED)";

    public static async Task<DateTimeOffset> NowAsync(PlatformDb db, CancellationToken cancellationToken)
    {
        var sql = $"SELECT {Sql(db.Database.IsSqlite() ? DatabaseKind.Sqlite : DatabaseKind.MariaDb)} AS Value";
        return Microseconds.ToTime((await db.Database.SqlQueryRaw<long>(sql).ToListAsync(cancellationToken))[0]);
    }
}
