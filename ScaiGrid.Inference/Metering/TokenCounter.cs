using System.Text;
using System.Text.Json;
using Microsoft.ML.Tokenizers;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Metering;

/// <summary>
/// Counts tokens where an upstream gives no usage, with OpenAI's o200k encoding: exact for its current models, close for others.
/// </summary>
public static class TokenCounter
{
    /// <summary>Longer texts are counted at four bytes a token: the tokenizer's time would be felt.</summary>
    private const int MaxTokenized = 256 * 1024;

    /// <summary>OpenAI's chat format spends about this many tokens on each message's frame.</summary>
    private const int TokensPerMessage = 3;

    private static readonly Lazy<Tokenizer> Encoding = new(() => TiktokenTokenizer.CreateForEncoding("o200k_base"));

    public static long Count(string text) => text.Length > MaxTokenized ? text.Length / 4 : Encoding.Value.CountTokens(text, considerPreTokenization: true);

    public static long Count(ReadOnlySpan<byte> utf8) => utf8.IsEmpty ? 0 : Count(System.Text.Encoding.UTF8.GetString(utf8));

    /// <summary>The tokens of a chat request's messages: their texts, and a frame for each.</summary>
    public static long CountPrompt(ReadOnlyMemory<byte> request)
    {
        using var document = JsonDocument.Parse(request);
        var messages = document.RootElement.GetProperty("messages");
        var text = new StringBuilder();
        CollectText(messages, text);
        return Count(text.ToString()) + ((messages.GetArrayLength() + 1) * TokensPerMessage);
    }

    /// <summary>The first <paramref name="tokens"/> tokens of a text.</summary>
    public static string Truncate(string text, int tokens)
    {
        var end = Encoding.Value.GetIndexByTokenCount(text, tokens, out _, out _);
        return text[..end];
    }

    // Everything in a message that is text: content in either form, tool calls and their arguments. Images and audio carry none.
    private static void CollectText(JsonElement element, StringBuilder text)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray())
                {
                    CollectText(item, text);
                }

                break;
            case JsonValueKind.Object:
                foreach (var property in element.EnumerateObject())
                {
                    if (!property.NameEquals("image_url"u8) && !property.NameEquals("input_audio"u8) && !property.NameEquals("file"u8))
                    {
                        CollectText(property.Value, text);
                    }
                }

                break;
            case JsonValueKind.String:
                text.Append(JsonText.Of(element)).Append(' ');
                break;
        }
    }
}
