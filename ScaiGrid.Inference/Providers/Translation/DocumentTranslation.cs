using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Translation;

/// <summary>Translates an upstream's document to OpenAI's, for operations that answer with one.</summary>
internal static class DocumentTranslation
{
    /// <param name="answer">The upstream's answer; disposed here.</param>
    /// <param name="write">Writes the properties of our document. A missing property, or one of the wrong type, is a shape mismatch.</param>
    /// <param name="failure">The failure that the document reports; null if it is a result.</param>
    public static DocumentReply Translate(PooledBytes answer, Action<Utf8JsonWriter, JsonElement> write, Func<JsonElement, UpstreamError?>? failure = null)
    {
        using var given = answer;
        var result = new PooledBytes(given.Length + 256);
        try
        {
            using var document = JsonDocument.Parse(given.Memory);
            if (failure?.Invoke(document.RootElement) is { } error)
            {
                result.Dispose();
                return DocumentReply.Failed(error);
            }

            using var writer = TranslationJson.Writer(result);
            writer.WriteStartObject();
            write(writer, document.RootElement);
            writer.WriteEndObject();
            writer.Flush();
            return DocumentReply.Completed(result);
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or IndexOutOfRangeException)
        {
            result.Dispose();
            return DocumentReply.Failed(new UpstreamError(UpstreamFailure.ShapeMismatch));
        }
    }
}
