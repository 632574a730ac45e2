using System.Globalization;
using Microsoft.AspNetCore.Mvc;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Core.Http;

/// <summary>The query of a list; use it with <c>[AsParameters]</c>. Texts, so that an error can name the parameter.</summary>
public sealed record PageQuery(
    [property: FromQuery(Name = "limit")] string? Limit,
    [property: FromQuery(Name = "cursor")] string? Cursor)
{
    /// <summary>The number of items on the page.</summary>
    /// <exception cref="ApiException">The limit is not a number, or out of range.</exception>
    public int Take(int defaultLimit = Http.Cursor.DefaultLimit, int max = 1000) =>
        Limit is null ? defaultLimit
        : int.TryParse(Limit, NumberStyles.None, CultureInfo.InvariantCulture, out var limit) ? Http.Cursor.Limit(limit, defaultLimit, max)
        : throw new ApiException(Problem.Invalid("limit", $"must be between 1 and {max}."));

    /// <summary>The id of the last item of the previous page; null for the first page.</summary>
    /// <exception cref="ApiException">The cursor is not one that we returned.</exception>
    public string? After(string prefix) => Http.Cursor.Decode(Cursor, prefix);
}
