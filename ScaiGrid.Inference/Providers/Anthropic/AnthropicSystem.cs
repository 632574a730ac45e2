using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>Writes the system prompt, which is separate from the messages: all system and developer messages in order.</summary>
internal static class AnthropicSystem
{
    // The API has structured output for schemas only.
    private const string JsonOnly = "Answer with one JSON object and nothing else.";

    /// <param name="request">The caller's request.</param>
    /// <param name="writer">The writer for the system prompt.</param>
    /// <param name="demanded">A forced call that the model does not support; the system prompt asks for it instead.</param>
    public static void Write(RequestDocument request, Utf8JsonWriter writer, ToolChoice demanded)
    {
        var messages = request.Messages.Where(IsSystem).ToList();
        var wantsJson = request.Root.TryGetObject("response_format"u8, out var format) && JsonText.Of(format, "type"u8) == "json_object";
        var wantsCall = demanded.IsForced && request.Functions.Any(demanded.Allows);
        if (messages.Count == 0 && !wantsJson && !wantsCall)
        {
            return;
        }

        writer.WriteStartArray("system"u8);
        foreach (var message in messages)
        {
            if (!message.TryGetProperty("content"u8, out var content))
            {
                continue;
            }

            if (content.ValueKind == JsonValueKind.String)
            {
                WriteText(writer, content, default);
            }

            foreach (var part in message.Items("content"u8))
            {
                if (part.TryGetString("text"u8, out var text))
                {
                    WriteText(writer, text, part);
                }
            }
        }

        if (wantsJson)
        {
            WriteSentence(writer, JsonOnly);
        }

        if (wantsCall)
        {
            WriteSentence(writer, demanded.Names is [var name] ? $"Answer with a call of the tool {name}, not with text." : "Answer with a call of one of the tools, not with text.");
        }

        writer.WriteEndArray();
    }

    private static bool IsSystem(JsonElement message) => JsonText.Of(message, "role"u8) is "system" or "developer";

    private static void WriteSentence(Utf8JsonWriter writer, string text)
    {
        writer.WriteStartObject();
        writer.WriteString("type"u8, "text"u8);
        writer.WriteString("text"u8, text);
        writer.WriteEndObject();
    }

    private static void WriteText(Utf8JsonWriter writer, JsonElement text, JsonElement part)
    {
        if (string.IsNullOrWhiteSpace(JsonText.Of(text)))
        {
            return;
        }

        writer.WriteStartObject();
        writer.WriteString("type"u8, "text"u8);
        writer.WriteRaw("text"u8, text);
        if (part.ValueKind == JsonValueKind.Object)
        {
            part.CopyTo(writer, "cache_control"u8);
        }

        writer.WriteEndObject();
    }
}
