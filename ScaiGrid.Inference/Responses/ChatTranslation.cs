using System.Text.Json;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Responses;

/// <summary>Writes a Responses request as a chat request. The caller's content is copied as raw bytes: it may be long, and it is metered by size.</summary>
internal static class ChatTranslation
{
    /// <summary>
    /// Fields with the same name in both APIs. <c>metadata</c> is excluded: it stays with the response, and OpenAI's chat API rejects it
    /// unless the answer is to be stored.
    /// </summary>
    private static readonly string[] Alike =
    [
        "temperature", "top_p", "user", "service_tier", "seed", "stop", "prompt_cache_key", "prompt_cache_retention", "safety_identifier",
    ];

    /// <param name="request">The Responses request.</param>
    /// <param name="namespaces">Collects the functions that belong to a namespace.</param>
    /// <param name="carried">Collects the fields that go back to the model that produced them.</param>
    /// <param name="mistakes">Collects what cannot be translated.</param>
    public static PooledBytes Write(JsonRequest request, ToolNamespaces namespaces, List<CarriedField> carried, Mistakes mistakes)
    {
        var body = new PooledBytes(request.Fields.Sum(field => field.Value.Length) + 8192);
        using var writer = TranslationJson.Writer(body);
        writer.WriteStartObject();
        writer.WriteRaw("model"u8, request["model"].Span);
        writer.WriteStartArray("messages"u8);
        if (request["instructions"] is { Length: > 2 } instructions)
        {
            writer.WriteStartObject();
            writer.WriteString("role"u8, "system"u8);
            writer.WriteRaw("content"u8, instructions.Span);
            writer.WriteEndObject();
        }

        using (var input = JsonDocument.Parse(request["input"]))
        {
            new InputItems(writer, carried, mistakes).Write(input.RootElement);
        }

        writer.WriteEndArray();
        Copy(writer, request, "stream");
        Copy(writer, request, "max_output_tokens", "max_completion_tokens");
        foreach (var name in Alike)
        {
            Copy(writer, request, name);
        }

        WriteObject(writer, request, "reasoning", static (writer, reasoning, _) => reasoning.CopyTo(writer, "effort"u8, "reasoning_effort"u8), mistakes);
        WriteObject(writer, request, "text", WriteText, mistakes);
        new ToolTranslation(writer, namespaces, mistakes).Write(request);
        writer.WriteEndObject();
        writer.Flush();
        return body;
    }

    private static void WriteText(Utf8JsonWriter writer, JsonElement text, Mistakes mistakes)
    {
        text.CopyTo(writer, "verbosity"u8);
        if (!text.TryGetProperty("format"u8, out var format) || format.ValueKind != JsonValueKind.Object)
        {
            return;
        }

        writer.WriteStartObject("response_format"u8);
        format.CopyTo(writer, "type"u8);
        if (JsonText.Of(format, "type"u8) == "json_schema")
        {
            // In chat, the schema's fields are one level deeper.
            writer.WriteStartObject("json_schema"u8);
            format.CopyTo(writer, "name"u8);
            format.CopyTo(writer, "description"u8);
            format.CopyTo(writer, "schema"u8);
            format.CopyTo(writer, "strict"u8);

            writer.WriteEndObject();
        }
        else if (JsonText.Of(format, "type"u8) is not ("text" or "json_object"))
        {
            mistakes.Add(new ErrorDetail("text.format.type", "must be one of text, json_object, json_schema."));
        }

        writer.WriteEndObject();
    }

    private static void WriteObject(
        Utf8JsonWriter writer, JsonRequest request, string name, Action<Utf8JsonWriter, JsonElement, Mistakes> write, Mistakes mistakes)
    {
        if (request.Has(name))
        {
            using var document = JsonDocument.Parse(request[name]);
            write(writer, document.RootElement, mistakes);
        }
    }

    /// <summary>Writes a field of the request, if the caller sent it, under its own name or its name in chat.</summary>
    internal static void Copy(Utf8JsonWriter writer, JsonRequest request, string name, string? chatName = null)
    {
        if (request.Has(name))
        {
            writer.WritePropertyName(chatName ?? name);
            writer.WriteRawValue(request[name].Span, skipInputValidation: true);
        }
    }
}
