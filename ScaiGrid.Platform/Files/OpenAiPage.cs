using Microsoft.AspNetCore.Mvc;
using ScaiGrid.Core;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;

namespace ScaiGrid.Platform.Files;

/// <summary>The query of a list on OpenAI's surface, where the cursor is the id of the last item.</summary>
public sealed record OpenAiPageQuery(
    [property: FromQuery(Name = "limit")] string? Limit,
    [property: FromQuery(Name = "after")] string? After)
{
    /// <inheritdoc cref="PageQuery.Take"/>
    public int Take(int defaultLimit, int max = 1000) => new PageQuery(Limit, Cursor: null).Take(defaultLimit, max);

    /// <summary>The id after which the page begins; null for the first page.</summary>
    /// <exception cref="ApiException">The id is not one of this list.</exception>
    public string? AfterId(string prefix) =>
        string.IsNullOrEmpty(After) ? null
        : Ids.IsOne(After, prefix) ? After
        : throw new ApiException(Problem.Invalid("after", "is not an id of this list."));
}

/// <summary>A page in OpenAI's form.</summary>
internal sealed record OpenAiList<T>(string Object, IReadOnlyList<T> Data, string? FirstId, string? LastId, bool HasMore)
{
    public static OpenAiList<T> Of(List<T> rows, int limit, Func<T, string> id)
    {
        var hasMore = rows.Count > limit;
        if (hasMore)
        {
            rows.RemoveRange(limit, rows.Count - limit);
        }

        return new OpenAiList<T>("list", rows, rows.Count == 0 ? null : id(rows[0]), rows.Count == 0 ? null : id(rows[^1]), hasMore);
    }
}
