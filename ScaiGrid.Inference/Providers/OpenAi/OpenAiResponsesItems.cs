using System.Buffers.Text;
using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>
/// The items of an answer, as they go to the caller beside its message: encrypted thoughts whole, since the upstream takes them back only as
/// they are and where they were; of texts the length and the phase, and of calls that there was one, for their order.
/// </summary>
internal sealed class OpenAiResponsesItems : IDisposable
{
    private readonly PooledBytes _items = new(256);
    private bool _isTelling;

    /// <param name="item">One that is done.</param>
    public void Add(JsonElement item)
    {
        switch (JsonText.Of(item, "type"u8))
        {
            // Without its encrypted content it stands for something that nobody has stored.
            case "reasoning" when JsonText.Of(item, "encrypted_content"u8) is { Length: > 0 }:
                _isTelling = true;
                Start();

                // A chunk ends with a line feed.
                JsonLine.Append(_items, RequestDocument.Raw(item));
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

    /// <returns>What the answer's message has as its <c>extra_content</c>; null where there is nothing that it does not say itself.</returns>
    public byte[]? ToExtraContent(string backendId) => _isTelling
        ? [.. "{\"openai\":{\"backend\":"u8, .. JsonSerializer.SerializeToUtf8Bytes(backendId, TranslationJson.Text), .. ",\"items\":["u8, .. _items.Span, .. "]}}"u8]
        : null;

    /// <summary>The items that an assistant's message brings back; none where another backend gave them.</summary>
    public static List<JsonElement> Of(JsonElement message, string backendId) =>
        RequestDocument.TryGetObject(message, "extra_content"u8, out var extra)
        && RequestDocument.TryGetObject(extra, "openai"u8, out var own)
        && JsonText.Of(own, "backend"u8) == backendId
            ? [.. RequestDocument.Items(own, "items"u8)]
            : [];

    public void Dispose() => _items.Dispose();

    private void AddMessage(JsonElement item)
    {
        var length = RequestDocument.Items(item, "content"u8).Sum(part =>
            part.TryGetProperty("text"u8, out var text) && text.ValueKind == JsonValueKind.String ? JsonCharacters.Count(RequestDocument.Raw(text)[1..^1]) : 0);
        Span<byte> digits = stackalloc byte[11];
        Utf8Formatter.TryFormat(length, digits, out var written);
        Start();
        _items.Append("{\"type\":\"message\",\"length\":"u8);
        _items.Append(digits[..written]);
        if (item.TryGetProperty("phase"u8, out var phase) && phase.ValueKind == JsonValueKind.String)
        {
            _isTelling = true;
            _items.Append(",\"phase\":"u8);
            _items.Append(RequestDocument.Raw(phase));
        }

        _items.Append("}"u8);
    }

    private void Start() => _items.Append(_items.Length > 0 ? ","u8 : default);
}
