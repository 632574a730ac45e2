using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Translation;

/// <summary>Makes OpenAI's document of an upstream's, for operations whose answer is one.</summary>
internal static class DocumentTranslation
{
    /// <param name="answer">The upstream's, which is disposed.</param>
    /// <param name="write">Writes the properties of ours; what it does not find, or finds to be of another kind, is a shape mismatch.</param>
    public static DocumentReply Translate(PooledBytes answer, Action<Utf8JsonWriter, JsonElement> write)
    {
        using var given = answer;
        var result = new PooledBytes(given.Length + 256);
        try
        {
            using var document = JsonDocument.Parse(given.Memory);
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
