using System.Text.Json;
using System.Text.Json.Nodes;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Responses;

/// <summary>
/// The <c>reasoning_details</c> of a message as OpenRouter has them: blocks of thought, some signed, that it wants back as the model wrote them.
/// A stream brings a block in pieces of one <c>index</c>: its strings grow, and what is said of it later, as the signature, is added.
/// </summary>
internal sealed class ReasoningDetails
{
    private static readonly string[] Growing = ["text", "summary", "data"];

    private readonly JsonArray _blocks = [];

    public bool IsEmpty => _blocks.Count == 0;

    /// <param name="json">An array of blocks, or of pieces; what is no block is left out.</param>
    public void Add(string json)
    {
        using var document = JsonText.Parse(json);
        foreach (var piece in document.RootElement.EnumerateArray().Where(piece => piece.ValueKind == JsonValueKind.Object))
        {
            Add(piece);
        }
    }

    public void Add(ReasoningDetails other) => Add(other.ToString());

    /// <summary>The blocks as JSON.</summary>
    public override string ToString() => _blocks.ToJsonString();

    private void Add(JsonElement piece)
    {
        if (_blocks.Count == 0 || _blocks[^1] is not JsonObject block || !IsOf(piece, block))
        {
            _blocks.Add(JsonObject.Create(piece.Clone()));
            return;
        }

        foreach (var property in piece.EnumerateObject().Where(property => property.Value.ValueKind != JsonValueKind.Null))
        {
            block[property.Name] = Growing.Contains(property.Name) && property.Value.ValueKind == JsonValueKind.String && TextOf(block, property.Name) is { } text
                ? text + JsonText.Of(property.Value)
                : JsonNode.Parse(property.Value.GetRawText());
        }
    }

    // A block without an index is whole.
    private static bool IsOf(JsonElement piece, JsonObject block) =>
        piece.TryGetProperty("index"u8, out var index) && index.ValueKind == JsonValueKind.Number
        && block["index"] is JsonValue given && given.GetValueKind() == JsonValueKind.Number && given.ToJsonString() == index.GetRawText()
        && TextOf(block, "type") == JsonText.Of(piece, "type"u8);

    private static string? TextOf(JsonObject block, string name) =>
        block[name] is JsonValue value && value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : null;
}
