using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Accounting;

/// <summary>
/// All usage rows of a filter, oldest first. Pages are read in the order of an index, so that the time per page does not grow with the number of
/// rows. Records still waiting in Redis are not included.
/// </summary>
internal static class UsageExport
{
    private const int PageSize = 2000;

    public static async IAsyncEnumerable<IReadOnlyList<UsageView>> PagesAsync(
        IDbContextFactory<PlatformDb> databases, UsageFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        List<UsageView> page = [];
        do
        {
            var after = page is [.., var last] ? last.Id : null;
            await using var db = await databases.CreateDbContextAsync(cancellationToken);
            var rows = await filter.Apply(db.ByIndex<UsageRow>(filter.OrderIndex ?? "PRIMARY").AsNoTracking())
                .Between(filter.Start, filter.End)
                .Where(row => after == null || string.Compare(row.Id, after) > 0)
                .OrderBy(row => row.Id)
                .Take(PageSize)
                .ToListAsync(cancellationToken);
            page = rows.ConvertAll(UsageView.Of);
            yield return page;
        }
        while (page.Count == PageSize);
    }
}
