using System.Text.Json;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Responses;

/// <summary>Writes a Responses request as a chat request. What the caller says stays as it is written: it may be long, and is counted by its bytes.</summary>
internal static class ChatTranslation
{
    /// <summary>
    /// What both have under the same name. Not <c>metadata</c>, which stays with a response, and which OpenAI's chat refuses unless it is to
    /// store the answer.
    /// </summary>
    private static readonly string[] Alike =
    [
        "temperature", "top_p", "user", "service_tier", "seed", "stop", "prompt_cache_key", "prompt_cache_retention", "safety_identifier",
    ];

    /// <param name="request">The Responses request.</param>
    /// <param name="namespaces">Told the functions that stand in one.</param>
    /// <param name="carried">Told what is put back for the model that gave it.</param>
    /// <param name="mistakes">Told what cannot be translated.</param>
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
            // Chat has the schema's fields one level deeper.
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

    /// <summary>Writes a field of the request, where the caller sent it, under its own name or the one that chat has for it.</summary>
    internal static void Copy(Utf8JsonWriter writer, JsonRequest request, string name, string? chatName = null)
    {
        if (request.Has(name))
        {
            writer.WritePropertyName(chatName ?? name);
            writer.WriteRawValue(request[name].Span, skipInputValidation: true);
        }
    }
}
