using System.Runtime.InteropServices;
using System.Text.Json;

namespace ScaiGrid.Inference.Streaming;

/// <summary>Reads elements of parsed documents: values of an expected kind, and values as written.</summary>
internal static class JsonElements
{
    /// <summary>The elements of an array that are objects, or of another kind; empty if there is no array.</summary>
    public static IEnumerable<JsonElement> Items(this JsonElement owner, ReadOnlySpan<byte> name, JsonValueKind kind = JsonValueKind.Object) =>
        owner.TryGetProperty(name, out var array) && array.ValueKind == JsonValueKind.Array
            ? array.EnumerateArray().Where(item => item.ValueKind == kind)
            : [];

    /// <summary>Gets a property if it exists and is an object.</summary>
    public static bool TryGetObject(this JsonElement owner, ReadOnlySpan<byte> name, out JsonElement value) =>
        owner.TryGetProperty(name, out value) && value.ValueKind == JsonValueKind.Object;

    /// <summary>Gets a property if it exists and is a string.</summary>
    public static bool TryGetString(this JsonElement owner, ReadOnlySpan<byte> name, out JsonElement value) =>
        owner.TryGetProperty(name, out value) && value.ValueKind == JsonValueKind.String;

    /// <summary>The value as written.</summary>
    public static ReadOnlySpan<byte> Raw(this JsonElement value) => JsonMarshal.GetRawUtf8Value(value);

    /// <summary>A string as written, without its quotes.</summary>
    public static ReadOnlySpan<byte> RawInner(this JsonElement text) => text.Raw()[1..^1];

    /// <summary>A string property as written; an empty string if it is missing or not a string.</summary>
    public static ReadOnlySpan<byte> RawText(this JsonElement owner, ReadOnlySpan<byte> name) =>
        owner.TryGetString(name, out var value) ? value.Raw() : "\"\""u8;
}
