using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Http;

namespace ScaiGrid.Platform.Data;

/// <summary>One page of a list: rows by their ids, the newest first, from behind the cursor. Where the list may be long, <see cref="ForcedIndex"/> says by which index.</summary>
internal static class NewestRows
{
    /// <param name="rows">All that the list has.</param>
    /// <param name="query">Which page of it.</param>
    /// <param name="prefix">Of the rows' ids.</param>
    /// <param name="id">A row's.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="Core.Errors.ApiException">The limit or the cursor is wrong.</exception>
    public static async Task<Page<T>> NewestAsync<T>(
        this IQueryable<T> rows, PageQuery query, string prefix, Func<T, string> id, CancellationToken cancellationToken)
        where T : class
    {
        const string Id = "Id";
        var (limit, after) = (query.Take(), query.After(prefix));
        rows = after is null ? rows : rows.Where(row => string.Compare(EF.Property<string>(row, Id), after) < 0);
        var found = await rows.OrderByDescending(row => EF.Property<string>(row, Id)).Take(limit + 1).ToListAsync(cancellationToken);

        // The one more that was read tells that another page follows.
        return found.Count <= limit ? new Page<T>(found, Next: null) : new Page<T>(found[..limit], Cursor.Encode(id(found[limit - 1])));
    }
}

/// <param name="Rows">The page's.</param>
/// <param name="Next">The cursor of the page after; null when it is the last.</param>
internal sealed record Page<T>(List<T> Rows, string? Next)
{
    public Ok<PageEnvelope<TView>> As<TView>(Converter<T, TView> view) => Reply.Page(Rows.ConvertAll(view), Next);
}
