using System.Text.Json;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Responses;

/// <summary>Writes a Responses request as a chat request.</summary>
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
        var body = new PooledBytes(request["input"].Length + 2048);
        using var writer = new Utf8JsonWriter(body);
        writer.WriteStartObject();
        writer.WriteString("model"u8, request.Model);
        writer.WriteStartArray("messages"u8);
        if (request.Text("instructions") is { Length: > 0 } instructions)
        {
            writer.WriteStartObject();
            writer.WriteString("role"u8, "system"u8);
            writer.WriteString("content"u8, instructions);
            writer.WriteEndObject();
        }

        using (var input = JsonDocument.Parse(request["input"]))
        {
            new InputItems(writer, carried, mistakes).Write(input.RootElement);
        }

        writer.WriteEndArray();
        Copy(writer, request, "stream", "stream");
        Copy(writer, request, "max_output_tokens", "max_completion_tokens");
        foreach (var name in Alike)
        {
            Copy(writer, request, name, name);
        }

        WriteObject(writer, request, "reasoning", static (writer, reasoning, _) => CopyProperty(writer, reasoning, "effort", "reasoning_effort"), mistakes);
        WriteObject(writer, request, "text", WriteText, mistakes);
        new ToolTranslation(writer, namespaces, mistakes).Write(request);
        writer.WriteEndObject();
        writer.Flush();
        return body;
    }

    private static void WriteText(Utf8JsonWriter writer, JsonElement text, Mistakes mistakes)
    {
        CopyProperty(writer, text, "verbosity", "verbosity");
        if (!text.TryGetProperty("format"u8, out var format) || format.ValueKind != JsonValueKind.Object)
        {
            return;
        }

        writer.WriteStartObject("response_format"u8);
        CopyProperty(writer, format, "type", "type");
        if (JsonText.Of(format, "type"u8) == "json_schema")
        {
            // Chat has the schema's fields one level deeper.
            writer.WriteStartObject("json_schema"u8);
            foreach (var name in (ReadOnlySpan<string>)["name", "description", "schema", "strict"])
            {
                CopyProperty(writer, format, name, name);
            }

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

    internal static void Copy(Utf8JsonWriter writer, JsonRequest request, string name, string chatName)
    {
        if (request.Has(name))
        {
            writer.WritePropertyName(chatName);
            writer.WriteRawValue(request[name].Span);
        }
    }

    internal static void CopyProperty(Utf8JsonWriter writer, JsonElement element, string name, string chatName)
    {
        if (element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null)
        {
            writer.WritePropertyName(chatName);
            writer.WriteRawValue(value.GetRawText());
        }
    }
}
