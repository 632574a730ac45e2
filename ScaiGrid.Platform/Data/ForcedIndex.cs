using Microsoft.EntityFrameworkCore;

namespace ScaiGrid.Platform.Data;

/// <summary>
/// Pages of a long list. For <c>tenant_id = … AND id &lt; … ORDER BY id DESC</c> MariaDB, where it takes the range to be most of the table,
/// looks up the tenant alone and reads past all the pages before: a page deep in a million rows costs a thousand times the first.
/// Told which index, it seeks. SQLite does so by itself.
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
