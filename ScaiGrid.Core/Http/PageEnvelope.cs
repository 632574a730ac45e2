using System.Text.Json.Serialization;

namespace ScaiGrid.Core.Http;

/// <summary>The body of a list: the items, and the position of the next page.</summary>
public sealed record PageEnvelope<T>(PageItems<T> Data, Pagination Pagination)
{
    [JsonPropertyOrder(-1)]
    public string Status { get; } = "ok";
}

/// <summary>The <c>data</c> of a list.</summary>
public sealed record PageItems<T>(IReadOnlyList<T> Items);

/// <param name="HasMore">Whether another page follows.</param>
/// <param name="NextCursor">Opaque; null on the last page.</param>
public sealed record Pagination(bool HasMore, string? NextCursor);
