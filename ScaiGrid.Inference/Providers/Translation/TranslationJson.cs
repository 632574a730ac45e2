using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Translation;

/// <summary>Writing documents for and from upstreams.</summary>
internal static class TranslationJson
{
    // Nobody puts these documents into a web page, and escaping each letter beyond ASCII would make them several times as long.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 256, SkipValidation = true };

    /// <summary>For a string by itself.</summary>
    public static JsonTypeInfo<string> Text { get; } = new CanonicalJson(new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }).String;

    public static Utf8JsonWriter Writer(PooledBytes output) => new(output, Options);

    /// <summary>A value as it is written elsewhere, which was parsed there.</summary>
    public static void WriteRaw(this Utf8JsonWriter writer, ReadOnlySpan<byte> name, ReadOnlySpan<byte> json)
    {
        writer.WritePropertyName(name);
        writer.WriteRawValue(json, skipInputValidation: true);
    }

    /// <inheritdoc cref="WriteRaw(Utf8JsonWriter, ReadOnlySpan{byte}, ReadOnlySpan{byte})"/>
    public static void WriteRaw(this Utf8JsonWriter writer, ReadOnlySpan<byte> name, JsonElement value) => writer.WriteRaw(name, RequestDocument.Raw(value));

    /// <summary>A property as it is. Its value may hold half of a surrogate pair; a name written with escapes, as nobody does, is left out.</summary>
    public static void WriteProperty(this Utf8JsonWriter writer, JsonProperty property)
    {
        var name = JsonMarshal.GetRawUtf8PropertyName(property);
        if (!name.Contains((byte)'\\'))
        {
            writer.WriteRaw(name, property.Value);
        }
    }

    /// <summary>The property of that name, where the owner has it and it is no null.</summary>
    public static void CopyTo(this JsonElement owner, Utf8JsonWriter writer, ReadOnlySpan<byte> name, ReadOnlySpan<byte> newName = default)
    {
        if (owner.TryGetProperty(name, out var value) && value.ValueKind is not (JsonValueKind.Null or JsonValueKind.Undefined))
        {
            writer.WriteRaw(newName.IsEmpty ? name : newName, value);
        }
    }

    /// <summary>A tool call's arguments, which are a JSON text inside a string, as the object that other formats want.</summary>
    public static void WriteArguments(this Utf8JsonWriter writer, ReadOnlySpan<byte> name, JsonElement function)
    {
        var text = JsonText.Of(function, "arguments"u8);
        writer.WritePropertyName(name);
        if (string.IsNullOrWhiteSpace(text))
        {
            writer.WriteRawValue("{}"u8, skipInputValidation: true);
            return;
        }

        try
        {
            using var document = JsonDocument.Parse(text);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                writer.WriteRawValue(text, skipInputValidation: true);
                return;
            }
        }
        catch (JsonException)
        {
            // Falls through: what a model wrote wrong is kept, as one argument.
        }

        writer.WriteStartObject();
        writer.WriteString("arguments"u8, text);
        writer.WriteEndObject();
    }
}
