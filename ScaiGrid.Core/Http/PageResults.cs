using Microsoft.AspNetCore.Http.HttpResults;

namespace ScaiGrid.Core.Http;

/// <summary>Turns rows into a page. One row more than the limit is read: if it exists, another page follows.</summary>
public static class PageResults
{
    public static Ok<PageEnvelope<T>> ToPage<T>(this List<T> rows, int limit, Func<T, string> id)
    {
        if (rows.Count <= limit)
        {
            return Reply.Page(rows, nextCursor: null);
        }

        rows.RemoveRange(limit, rows.Count - limit);
        return Reply.Page(rows, Cursor.Encode(id(rows[^1])));
    }
}
