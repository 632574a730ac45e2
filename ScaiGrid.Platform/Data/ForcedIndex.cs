using Microsoft.EntityFrameworkCore;

namespace ScaiGrid.Platform.Data;

/// <summary>
/// Forces an index for pages of long lists. For <c>tenant_id = … AND id &lt; … ORDER BY id DESC</c>, if MariaDB expects the range to be most of
/// the table, it looks up the tenant only and reads through all previous pages: a page deep in a million rows costs a thousand times the first.
/// With a forced index it seeks. SQLite does so by itself.
/// </summary>
internal static class ForcedIndex
{
    public static IQueryable<T> ByIndex<T>(this DbContext db, string? index)
        where T : class
    {
        if (index is null || db.Database.IsSqlite())
        {
            return db.Set<T>();
        }

        var sql = $"SELECT * FROM {db.Model.FindEntityType(typeof(T))!.GetTableName()} FORCE INDEX ({index})";
#pragma warning disable EF1002 // Names of ours, never a caller's.
        return db.Set<T>().FromSqlRaw(sql);
#pragma warning restore EF1002
    }
}
