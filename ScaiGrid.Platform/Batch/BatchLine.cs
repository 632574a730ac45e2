using System.Runtime.InteropServices;
using System.Text.Json;

namespace ScaiGrid.Platform.Batch;

/// <summary>A parsed line of a batch's input.</summary>
/// <param name="CustomId">The caller's id of the line.</param>
/// <param name="Path">The path in our API; null if the line's URL is invalid.</param>
/// <param name="Body">The request body as raw JSON.</param>
/// <param name="Mistake">Why it cannot be called; null if it can.</param>
internal sealed record BatchLine(string CustomId, string? Path, byte[] Body, string? Mistake)
{
    private const int CustomIdLength = 256;

    // A body that is too deep for a call is its line's mistake, not the batch's.
    private const int AnyDepth = int.MaxValue;

    // The endpoints with JSON requests and JSON responses.
    private static readonly string[] NativePaths =
        ["/v1/inference/chat", "/v1/inference/generate", "/v1/inference/embed", "/v1/inference/images/generate"];

    private static readonly string[] OpenAiPaths =
        ["/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses", "/v1/moderations", "/v1/images/generations"];

    public static IReadOnlyList<string> PathsOf(string surface) => surface == BatchSurface.OpenAi ? OpenAiPaths : NativePaths;

    /// <summary>The line's <c>custom_id</c>; null if it is missing or invalid.</summary>
    public static string? CustomIdOf(ReadOnlySpan<byte> line)
    {
        try
        {
            var reader = new Utf8JsonReader(line, new JsonReaderOptions { MaxDepth = AnyDepth });
            using var document = JsonDocument.ParseValue(ref reader);
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("custom_id"u8, out var id) && id.ValueKind == JsonValueKind.String
                && id.GetString() is { Length: > 0 and <= CustomIdLength } text && !reader.Read()
                ? text
                : null;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Parses a line that has a valid <c>custom_id</c>.</summary>
    public static BatchLine Parse(ReadOnlyMemory<byte> line, BatchRow batch)
    {
        using var document = JsonDocument.Parse(line, new JsonDocumentOptions { MaxDepth = AnyDepth });
        var customId = document.RootElement.GetProperty("custom_id"u8).GetString()!;
        try
        {
            return Read(document.RootElement, customId, batch);
        }
        catch (InvalidOperationException)
        {
            // An unpaired surrogate, as JavaScript leaves it when it cuts a string. Inside texts of the body it is left to the upstream.
            return new BatchLine(customId, Path: null, [], "A name, the url or the method is no valid Unicode.");
        }
    }

    private static BatchLine Read(JsonElement root, string customId, BatchRow batch)
    {
        var url = Text(root, "url");
        if (Text(root, "method") is not "POST")
        {
            return Wrong("method must be POST.");
        }

        if (url is null || !PathsOf(batch.Surface).Contains(url))
        {
            return Wrong($"url must be one of {string.Join(", ", PathsOf(batch.Surface))}.");
        }

        if (batch.Endpoint is not null && batch.Endpoint != url)
        {
            return Wrong($"url must be the batch's endpoint, {batch.Endpoint}.");
        }

        if (!root.TryGetProperty("body"u8, out var body) || body.ValueKind != JsonValueKind.Object)
        {
            return Wrong("body must be an object.");
        }

        if (body.TryGetProperty("stream"u8, out var stream) && stream.ValueKind == JsonValueKind.True)
        {
            return Wrong("body.stream must not be true in a batch.");
        }

        return new BatchLine(customId, batch.Surface == BatchSurface.OpenAi ? $"/oai{url}" : url, JsonMarshal.GetRawUtf8Value(body).ToArray(), Mistake: null);

        BatchLine Wrong(string mistake) => new(customId, Path: null, [], mistake);
    }

    private static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
