using System.Buffers.Text;
using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>
/// The items of an answer, as sent to the caller alongside its message. Encrypted reasoning is kept whole, because the upstream accepts it only
/// unchanged and in place. To restore the order, each text is kept as its length and phase, and each call as its type alone.
/// </summary>
internal sealed class OpenAiResponsesItems : IDisposable
{
    private readonly PooledBytes _items = new(256);
    private bool _isTelling;

    /// <param name="item">A completed item.</param>
    public void Add(JsonElement item)
    {
        switch (JsonText.Of(item, "type"u8))
        {
            // Without encrypted content it refers to state that nobody has stored.
            case "reasoning" when JsonText.Of(item, "encrypted_content"u8) is { Length: > 0 }:
                _isTelling = true;
                Start();

                // A line feed would end the chunk.
                JsonLine.Append(_items, item.Raw());
                break;
            case "message":
                AddMessage(item);
                break;
            case "function_call":
                Start();
                _items.Append("{\"type\":\"function_call\"}"u8);
                break;
        }
    }

    /// <returns>The <c>extra_content</c> of the answer's message; null if it would add nothing to the message.</returns>
    public byte[]? ToExtraContent(string backendId) => _isTelling
        ? [.. "{\"openai\":{\"backend\":"u8, .. JsonSerializer.SerializeToUtf8Bytes(backendId, TranslationJson.Text), .. ",\"items\":["u8, .. _items.Span, .. "]}}"u8]
        : null;

    /// <summary>The items that an assistant's message carries; empty if another backend produced them.</summary>
    public static List<JsonElement> Of(JsonElement message, string backendId) =>
        message.TryGetObject("extra_content"u8, out var extra)
        && extra.TryGetObject("openai"u8, out var own)
        && JsonText.Of(own, "backend"u8) == backendId
            ? [.. own.Items("items"u8)]
            : [];

    public void Dispose() => _items.Dispose();

    private void AddMessage(JsonElement item)
    {
        var length = item.Items("content"u8).Sum(part =>
            part.TryGetString("text"u8, out var text) ? JsonCharacters.Count(text.RawInner()) : 0);
        Span<byte> digits = stackalloc byte[11];
        Utf8Formatter.TryFormat(length, digits, out var written);
        Start();
        _items.Append("{\"type\":\"message\",\"length\":"u8);
        _items.Append(digits[..written]);
        if (item.TryGetString("phase"u8, out var phase))
        {
            _isTelling = true;
            _items.Append(",\"phase\":"u8);
            _items.Append(phase.Raw());
        }

        _items.Append("}"u8);
    }

    private void Start() => _items.Append(_items.Length > 0 ? ","u8 : default);
}
