using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;

namespace ScaiGrid.Platform.Audit;

/// <summary>
/// All rows of a query, newest first, page by page. (With a retrying execution strategy, EF would buffer the result of a single query.)
/// </summary>
internal static class AuditExport
{
    private const int PageSize = 500;

    public static async IAsyncEnumerable<IReadOnlyList<AuditView>> PagesAsync(
        IQueryable<AuditRow> all, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        List<AuditView> page = [];
        do
        {
            var after = page is [.., var last] ? last.Id : null;
            var rows = await all
                .Where(row => after == null || string.Compare(row.Id, after) < 0)
                .OrderByDescending(row => row.Id)
                .Take(PageSize)
                .ToListAsync(cancellationToken);
            page = rows.ConvertAll(AuditView.Of);
            yield return page;
        }
        while (page.Count == PageSize);
    }
}
