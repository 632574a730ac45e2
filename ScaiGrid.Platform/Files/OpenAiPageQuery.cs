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
