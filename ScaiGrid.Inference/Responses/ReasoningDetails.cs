using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Responses;

/// <summary>
/// The <c>reasoning_details</c> of a message in OpenRouter's format: reasoning blocks, some signed, which must be sent back unchanged.
/// A stream sends a block in pieces that share an <c>index</c>: strings are appended, and properties that arrive later, such as the signature, are added.
/// </summary>
internal sealed class ReasoningDetails
{
    private static readonly string[] Growing = ["text", "summary", "data"];

    private readonly JsonArray _blocks = [];

    // The growing properties of the last block: appending to a string would copy all of it for each piece.
    private readonly Dictionary<string, StringBuilder> _grown = [];

    public bool IsEmpty => _blocks.Count == 0;

    /// <param name="json">An array of blocks or pieces; entries that are not blocks are ignored, and so is what is not an array.</param>
    public void Add(string json)
    {
        using var document = JsonText.Parse(json);
        if (document.RootElement.ValueKind != JsonValueKind.Array)
        {
            return;
        }

        foreach (var piece in document.RootElement.EnumerateArray().Where(piece => piece.ValueKind == JsonValueKind.Object))
        {
            Add(piece);
        }
    }

    public void Add(ReasoningDetails other) => Add(other.ToString());

    /// <summary>The blocks as JSON.</summary>
    public override string ToString()
    {
        Join();
        return _blocks.ToJsonString();
    }

    private void Add(JsonElement piece)
    {
        if (_blocks.Count == 0 || _blocks[^1] is not JsonObject block || !IsOf(piece, block))
        {
            Join();
            _blocks.Add(Copy(piece));
            return;
        }

        foreach (var property in piece.EnumerateObject().Where(property => property.Value.ValueKind != JsonValueKind.Null))
        {
            if (Growing.Contains(property.Name) && property.Value.ValueKind == JsonValueKind.String && TextOf(block, property.Name) is { } text)
            {
                if (!_grown.TryGetValue(property.Name, out var grown))
                {
                    _grown[property.Name] = grown = new StringBuilder(text);
                }

                grown.Append(JsonText.Of(property.Value));
                continue;
            }

            _grown.Remove(property.Name);
            block[property.Name] = Copy(property.Value);
        }
    }

    private void Join()
    {
        foreach (var (name, text) in _grown)
        {
            _blocks[^1]![name] = text.ToString();
        }

        _grown.Clear();
    }

    // With strings as texts: a piece may end in half of a surrogate pair, whose other half the next one brings, and which cannot be written as it is.
    private static JsonNode? Copy(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.String:
                return JsonValue.Create(JsonText.Of(element));
            case JsonValueKind.Array:
                return new JsonArray([.. element.EnumerateArray().Select(Copy)]);
            case JsonValueKind.Object:
                var copy = new JsonObject();
                foreach (var property in element.EnumerateObject())
                {
                    copy[property.Name] = Copy(property.Value);
                }

                return copy;
            default:
                return JsonNode.Parse(element.GetRawText());
        }
    }

    // A block without an index is complete.
    private static bool IsOf(JsonElement piece, JsonObject block) =>
        piece.TryGetProperty("index"u8, out var index) && index.ValueKind == JsonValueKind.Number
        && block["index"] is JsonValue given && given.GetValueKind() == JsonValueKind.Number && given.ToJsonString() == index.GetRawText()
        && TextOf(block, "type") == JsonText.Of(piece, "type"u8);

    private static string? TextOf(JsonObject block, string name) =>
        block[name] is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : null;
}
