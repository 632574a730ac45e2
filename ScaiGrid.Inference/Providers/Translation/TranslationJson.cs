using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Translation;

/// <summary>Writes documents to and from upstreams.</summary>
internal static class TranslationJson
{
    // These documents are never embedded in a web page, and escaping every non-ASCII letter would make them several times as long.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 256, SkipValidation = true };

    /// <summary>For serializing a single string.</summary>
    public static JsonTypeInfo<string> Text { get; } = new CanonicalJson(new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }).String;

    public static Utf8JsonWriter Writer(PooledBytes output) => new(output, Options);

    /// <summary>Writes a value as it is written elsewhere. It must already have been parsed.</summary>
    public static void WriteRaw(this Utf8JsonWriter writer, ReadOnlySpan<byte> name, ReadOnlySpan<byte> json)
    {
        writer.WritePropertyName(name);
        writer.WriteRawValue(json, skipInputValidation: true);
    }

    /// <inheritdoc cref="WriteRaw(Utf8JsonWriter, ReadOnlySpan{byte}, ReadOnlySpan{byte})"/>
    public static void WriteRaw(this Utf8JsonWriter writer, ReadOnlySpan<byte> name, JsonElement value) => writer.WriteRaw(name, value.Raw());

    /// <summary>
    /// Copies a property unchanged. Its value may contain an unpaired surrogate. A name written with escapes, which nobody uses, is left out.
    /// </summary>
    public static void WriteProperty(this Utf8JsonWriter writer, JsonProperty property)
    {
        var name = JsonMarshal.GetRawUtf8PropertyName(property);
        if (!name.Contains((byte)'\\'))
        {
            writer.WriteRaw(name, property.Value);
        }
    }

    /// <summary>Copies a property if the owner has it and it is not null.</summary>
    public static void CopyTo(this JsonElement owner, Utf8JsonWriter writer, ReadOnlySpan<byte> name, ReadOnlySpan<byte> newName = default)
    {
        if (owner.TryGetProperty(name, out var value) && value.ValueKind is not (JsonValueKind.Null or JsonValueKind.Undefined))
        {
            writer.WriteRaw(newName.IsEmpty ? name : newName, value);
        }
    }

    /// <summary>
    /// Writes a tool call's arguments, which are JSON text inside a string, as the object that other formats require. Some clients send the object.
    /// </summary>
    public static void WriteArguments(this Utf8JsonWriter writer, ReadOnlySpan<byte> name, JsonElement function)
    {
        if (function.TryGetObject("arguments"u8, out var arguments))
        {
            writer.WriteRaw(name, arguments);
            return;
        }

        var text = JsonText.Of(function, "arguments"u8);
        writer.WritePropertyName(name);
        if (string.IsNullOrWhiteSpace(text))
        {
            writer.WriteRawValue("{}"u8, skipInputValidation: true);
            return;
        }

        try
        {
            using var document = JsonText.Parse(text);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                writer.WriteRawValue(document.RootElement.Raw(), skipInputValidation: true);
                return;
            }
        }
        catch (JsonException)
        {
            // Falls through: invalid JSON from a model is kept as one argument.
        }

        writer.WriteStartObject();
        writer.WriteString("arguments"u8, text);
        writer.WriteEndObject();
    }
}
