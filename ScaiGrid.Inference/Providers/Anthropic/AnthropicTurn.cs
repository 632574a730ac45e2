using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>Restores an answer from an assistant's message: its thinking blocks, and their position among its text and calls.</summary>
internal static class AnthropicTurn
{
    public static bool TryGetThinking(JsonElement message, out JsonElement blocks)
    {
        blocks = default;
        return TryGetOwn(message, out var own)
            && own.TryGetProperty("thinking_blocks"u8, out blocks) && blocks.ValueKind == JsonValueKind.Array && blocks.GetArrayLength() > 0;
    }

    /// <summary>The thinking blocks, each as the upstream wrote it.</summary>
    public static IEnumerable<JsonElement> Thoughts(JsonElement message) => TryGetThinking(message, out var blocks)
        ? blocks.EnumerateArray().Where(block => block.ValueKind == JsonValueKind.Object && JsonText.Of(block, "type"u8) is "thinking" or "redacted_thinking")
        : [];

    /// <summary>
    /// The pieces of the message in their original order. Empty if the thinking blocks preceded everything else, which is usual, or if the
    /// message's content is more than a text and can no longer be split.
    /// </summary>
    public static List<Piece> Pieces(JsonElement message)
    {
        var pieces = new List<Piece>();
        if (!TryGetOwn(message, out var own) || !own.TryGetProperty("block_order"u8, out var order) || order.ValueKind != JsonValueKind.Array
            || !TryGetText(message, out var text, out var marked))
        {
            return pieces;
        }

        // A text that was edited since is not split.
        var lengths = order.EnumerateArray().Where(entry => entry.ValueKind == JsonValueKind.Number).Select(entry => entry.TryGetInt32(out var length) ? length : -1).ToList();
        var isWhole = lengths.Exists(length => length <= 0) || lengths.Sum(length => (long)length) != JsonCharacters.Count(text);
        using var thoughts = Thoughts(message).GetEnumerator();
        using var calls = message.Items("tool_calls"u8).GetEnumerator();
        var at = 0;
        foreach (var entry in order.EnumerateArray())
        {
            if (entry.ValueKind == JsonValueKind.Number)
            {
                AddText(isWhole ? text.Length : at + JsonCharacters.Length(text.AsSpan(at), entry.GetInt32()));
            }
            else if (entry.ValueKind == JsonValueKind.String)
            {
                switch (JsonText.Of(entry))
                {
                    case AnthropicThoughts.Thought when thoughts.MoveNext():
                        pieces.Add(new Piece { Thought = thoughts.Current });
                        break;
                    case AnthropicThoughts.Call when calls.MoveNext():
                        pieces.Add(new Piece { Call = calls.Current });
                        break;
                }
            }
        }

        // Whatever the order does not list: a message may have been assembled from several.
        while (thoughts.MoveNext())
        {
            pieces.Add(new Piece { Thought = thoughts.Current });
        }

        AddText(text.Length);
        while (calls.MoveNext())
        {
            pieces.Add(new Piece { Call = calls.Current });
        }

        // A cache mark covers everything before it, so it goes on the last text.
        if (pieces.FindLastIndex(piece => piece.IsText) is >= 0 and var last)
        {
            pieces[last] = pieces[last] with { Marked = marked };
        }

        return pieces;

        void AddText(int end)
        {
            if (end > at)
            {
                pieces.Add(new Piece { Text = [(byte)'"', .. text.AsSpan(at, end - at), (byte)'"'] });
                at = end;
            }
        }
    }

    private static bool TryGetOwn(JsonElement message, out JsonElement own)
    {
        own = default;
        return message.TryGetObject("extra_content"u8, out var extra) && extra.TryGetObject("anthropic"u8, out own);
    }

    /// <param name="message">The assistant's message.</param>
    /// <param name="text">The text as written between the quotes, so that unpaired surrogates are preserved.</param>
    /// <param name="marked">The last part with a cache mark.</param>
    /// <returns>False if the content is more than text.</returns>
    private static bool TryGetText(JsonElement message, out byte[] text, out JsonElement marked)
    {
        (text, marked) = ([], default);
        if (!RequestDocument.TryGetContent(message, out var content))
        {
            return true;
        }

        if (content.ValueKind != JsonValueKind.Array)
        {
            text = content.ValueKind == JsonValueKind.String ? content.RawInner().ToArray() : [];
            return content.ValueKind == JsonValueKind.String;
        }

        using var joined = new PooledBytes(256);
        foreach (var part in content.EnumerateArray())
        {
            if (!ContentPart.IsText(part, out var words))
            {
                return false;
            }

            joined.Append(words.RawInner());
            marked = part.TryGetProperty("cache_control"u8, out _) ? part : marked;
        }

        text = joined.Span.ToArray();
        return true;
    }

    /// <summary>A text, a thinking block or a call.</summary>
    internal readonly record struct Piece
    {
        /// <summary>The text as a JSON string.</summary>
        public byte[]? Text { get; init; }

        /// <summary>The content part that carries the text's cache mark.</summary>
        public JsonElement Marked { get; init; }

        public JsonElement? Thought { get; init; }

        public JsonElement? Call { get; init; }

        public bool IsText => Text is not null;
    }
}
