namespace ScaiGrid.Platform.Files;

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
