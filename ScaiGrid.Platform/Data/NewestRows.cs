using System.Linq.Expressions;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Http;

namespace ScaiGrid.Platform.Data;

/// <summary>
/// Reads a page of a list: rows by id, newest first, starting after the cursor. For a list that may be long, combine it with <see cref="ForcedIndex"/>.
/// </summary>
internal static class NewestRows
{
    /// <summary>Characters of one page of long texts.</summary>
    private const int MostCharacters = 4_000_000;

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
        var limit = query.Take();
        var found = await rows.After(query, prefix).Take(limit + 1).ToListAsync(cancellationToken);

        // One row more than the limit was read, which shows whether another page follows.
        return found.Count <= limit ? new Page<T>(found, Next: null) : new Page<T>(found[..limit], Cursor.Encode(id(found[limit - 1])));
    }

    /// <summary>
    /// Does the same for rows with long texts: the page ends early rather than take up the memory of a replica, and the next one continues.
    /// </summary>
    /// <param name="rows">All rows of the list.</param>
    /// <param name="query">The requested page.</param>
    /// <param name="prefix">The prefix of the rows' ids.</param>
    /// <param name="id">Returns a row's id.</param>
    /// <param name="length">Returns the characters of a row's texts.</param>
    /// <param name="cancellationToken">Cancels reading.</param>
    /// <exception cref="Core.Errors.ApiException">The limit or the cursor is invalid.</exception>
    public static async Task<Page<T>> NewestAsync<T>(
        this IQueryable<T> rows, PageQuery query, string prefix, Func<T, string> id, Expression<Func<T, int>> length, CancellationToken cancellationToken)
        where T : class
    {
        var (limit, newest) = (query.Take(), rows.After(query, prefix));
        var lengths = await newest.Take(limit + 1).Select(length).ToListAsync(cancellationToken);
        var room = Math.Clamp(Fitting(lengths, MostCharacters), 1, limit);
        var found = await newest.Take(room).ToListAsync(cancellationToken);
        return new Page<T>(found, lengths.Count > room && found.Count > 0 ? Cursor.Encode(id(found[^1])) : null);
    }

    /// <summary>How many of the first texts have together at most <paramref name="most"/> characters.</summary>
    public static int Fitting(IEnumerable<int> lengths, int most)
    {
        long sum = 0;
        return lengths.TakeWhile(length => (sum += length) <= most).Count();
    }

    private static IQueryable<T> After<T>(this IQueryable<T> rows, PageQuery query, string prefix)
        where T : class
    {
        const string Id = "Id";
        var after = query.After(prefix);
        rows = after is null ? rows : rows.Where(row => string.Compare(EF.Property<string>(row, Id), after) < 0);
        return rows.OrderByDescending(row => EF.Property<string>(row, Id));
    }
}

/// <param name="Rows">The page's rows.</param>
/// <param name="Next">The cursor of the next page; null on the last page.</param>
internal sealed record Page<T>(List<T> Rows, string? Next)
{
    public Ok<PageEnvelope<TView>> As<TView>(Converter<T, TView> view) => Reply.Page(Rows.ConvertAll(view), Next);
}
