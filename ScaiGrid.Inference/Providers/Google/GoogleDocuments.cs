using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Google;

/// <summary>What Google's operations other than chat share: content of one text, and answers as OpenAI's lists.</summary>
internal static class GoogleDocuments
{
    public static void WriteContent(Utf8JsonWriter writer, string name, string text)
    {
        writer.WriteStartObject(name);
        WriteParts(writer, text);
        writer.WriteEndObject();
    }

    /// <summary>Writes the <c>parts</c> of a content.</summary>
    private static void WriteParts(Utf8JsonWriter writer, string text)
    {
        writer.WriteStartArray("parts"u8);
        writer.WriteStartObject();
        writer.WriteString("text"u8, text);
        writer.WriteEndObject();
        writer.WriteEndArray();
    }

    /// <summary>Writes the <c>contents</c> of a request with one text, and opens its <c>generationConfig</c>.</summary>
    /// <param name="writer">A writer positioned inside the request.</param>
    /// <param name="text">The text.</param>
    /// <param name="modalities">The kinds of output that the model may answer with.</param>
    public static void BeginGeneration(Utf8JsonWriter writer, string text, params ReadOnlySpan<string> modalities)
    {
        writer.WriteStartArray("contents"u8);
        writer.WriteStartObject();
        WriteParts(writer, text);
        writer.WriteEndObject();
        writer.WriteEndArray();
        writer.WriteStartObject("generationConfig"u8);
        writer.WriteStartArray("responseModalities"u8);
        foreach (var modality in modalities)
        {
            writer.WriteStringValue(modality);
        }

        writer.WriteEndArray();
    }

    /// <summary>Translates an answer to OpenAI's list, and disposes it.</summary>
    /// <param name="answer">Google's document.</param>
    /// <param name="writeItems">Writes the items.</param>
    /// <param name="why">The reason for which there are no items; null if there are some, or no reason is known.</param>
    public static DocumentReply Translate(PooledBytes answer, Action<Utf8JsonWriter, JsonElement> writeItems, Func<JsonElement, UpstreamError?>? why = null)
    {
        return DocumentTranslation.Translate(answer, Write, why);

        void Write(Utf8JsonWriter writer, JsonElement root)
        {
            writer.WriteStartArray("data"u8);
            writeItems(writer, root);
            writer.WriteEndArray();
            var usage = new GoogleUsage();
            usage.Add(root);
            if (usage.Exists)
            {
                writer.WriteStartObject("usage"u8);
                writer.WriteNumber("input_tokens"u8, usage.Tokens.Prompt);
                writer.WriteNumber("output_tokens"u8, usage.Tokens.Completion);
                writer.WriteNumber("total_tokens"u8, usage.Tokens.Total);
                writer.WriteEndObject();
            }
        }
    }
}
