using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>What an assistant's message kept of the answer that it was: the thoughts, and where they stood among its text and its calls.</summary>
internal static class AnthropicTurn
{
    public static bool TryGetThinking(JsonElement message, out JsonElement blocks)
    {
        blocks = default;
        return TryGetOwn(message, out var own)
            && own.TryGetProperty("thinking_blocks"u8, out blocks) && blocks.ValueKind == JsonValueKind.Array && blocks.GetArrayLength() > 0;
    }

    /// <summary>The thoughts, each as the upstream wrote it.</summary>
    public static IEnumerable<JsonElement> Thoughts(JsonElement message) => TryGetThinking(message, out var blocks)
        ? blocks.EnumerateArray().Where(block => block.ValueKind == JsonValueKind.Object && JsonText.Of(block, "type"u8) is "thinking" or "redacted_thinking")
        : [];

    /// <summary>
    /// The pieces of the message in the order that they had; none where the thoughts stood before all else, as they do mostly, or where
    /// the text is no longer one that could be cut.
    /// </summary>
    public static IEnumerable<Piece> Pieces(JsonElement message)
    {
        if (!TryGetOwn(message, out var own) || !own.TryGetProperty("block_order"u8, out var order) || order.ValueKind != JsonValueKind.Array || Text(message) is not { } text)
        {
            yield break;
        }

        // A text that was changed on the way stays in one piece.
        var lengths = order.EnumerateArray().Where(entry => entry.ValueKind == JsonValueKind.Number).Select(entry => entry.TryGetInt32(out var length) ? length : -1).ToList();
        var isWhole = lengths.Exists(length => length <= 0) || lengths.Sum(length => (long)length) != text.Length;
        using var thoughts = Thoughts(message).GetEnumerator();
        using var calls = RequestDocument.Items(message, "tool_calls"u8).GetEnumerator();
        var at = 0;
        foreach (var entry in order.EnumerateArray())
        {
            if (entry.ValueKind == JsonValueKind.Number)
            {
                var length = isWhole ? text.Length - at : entry.GetInt32();
                yield return new Piece { Text = text.Substring(at, length) };
                at += length;
            }
            else if (entry.ValueKind == JsonValueKind.String && (entry.ValueEquals(AnthropicThoughts.Thought) ? thoughts.MoveNext() : calls.MoveNext()))
            {
                yield return entry.ValueEquals(AnthropicThoughts.Thought) ? new Piece { Thought = thoughts.Current } : new Piece { Call = calls.Current };
            }
        }

        // What the order does not name: a message may have been put together from several.
        if (at < text.Length)
        {
            yield return new Piece { Text = text[at..] };
        }

        while (calls.MoveNext())
        {
            yield return new Piece { Call = calls.Current };
        }
    }

    private static bool TryGetOwn(JsonElement message, out JsonElement own)
    {
        own = default;
        return RequestDocument.TryGetObject(message, "extra_content"u8, out var extra) && RequestDocument.TryGetObject(extra, "anthropic"u8, out own);
    }

    // Nothing where there is more than a text, or it has marks of its own.
    private static string? Text(JsonElement message)
    {
        if (!RequestDocument.TryGetContent(message, out var content))
        {
            return "";
        }

        if (content.ValueKind == JsonValueKind.String)
        {
            return JsonText.Of(content);
        }

        return content.ValueKind == JsonValueKind.Array && content.EnumerateArray().All(part => ContentPart.IsPlainText(part)) ? JsonText.OfParts(content) : null;
    }

    /// <summary>One of the three.</summary>
    internal readonly record struct Piece
    {
        public string? Text { get; init; }

        public JsonElement? Thought { get; init; }

        public JsonElement? Call { get; init; }
    }
}
