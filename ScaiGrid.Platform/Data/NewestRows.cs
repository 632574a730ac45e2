using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Http;

namespace ScaiGrid.Platform.Data;

/// <summary>
/// Reads a page of a list: rows by id, newest first, starting after the cursor. For a list that may be long, combine it with <see cref="ForcedIndex"/>.
/// </summary>
internal static class NewestRows
{
    /// <param name="rows">All rows of the list.</param>
    /// <param name="query">The requested page.</param>
    /// <param name="prefix">The prefix of the rows' ids.</param>
    /// <param name="id">Returns a row's id.</param>
    /// <param name="cancellationToken">Cancels reading.</param>
    /// <exception cref="Core.Errors.ApiException">The limit or the cursor is invalid.</exception>
    public static async Task<Page<T>> NewestAsync<T>(
        this IQueryable<T> rows, PageQuery query, string prefix, Func<T, string> id, CancellationToken cancellationToken)
        where T : class
    {
        const string Id = "Id";
        var (limit, after) = (query.Take(), query.After(prefix));
        rows = after is null ? rows : rows.Where(row => string.Compare(EF.Property<string>(row, Id), after) < 0);
        var found = await rows.OrderByDescending(row => EF.Property<string>(row, Id)).Take(limit + 1).ToListAsync(cancellationToken);

        // One row more than the limit was read, which shows whether another page follows.
        return found.Count <= limit ? new Page<T>(found, Next: null) : new Page<T>(found[..limit], Cursor.Encode(id(found[limit - 1])));
    }
}

/// <param name="Rows">The page's rows.</param>
/// <param name="Next">The cursor of the next page; null on the last page.</param>
internal sealed record Page<T>(List<T> Rows, string? Next)
{
    public Ok<PageEnvelope<TView>> As<TView>(Converter<T, TView> view) => Reply.Page(Rows.ConvertAll(view), Next);
}
