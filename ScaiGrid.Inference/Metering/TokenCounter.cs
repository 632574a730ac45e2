using System.Text;
using System.Text.Json;
using Microsoft.ML.Tokenizers;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Metering;

/// <summary>
/// Counts tokens if an upstream returns no usage, with OpenAI's o200k encoding: exact for its current models, close for others.
/// </summary>
public static class TokenCounter
{
    /// <summary>Average bytes per token, for estimates.</summary>
    public const int BytesPerToken = 4;

    /// <summary>Longer texts are estimated instead: tokenizing them would take noticeable time.</summary>
    private const int MaxTokenized = 256 * 1024;

    /// <summary>Characters given to the tokenizer at once.</summary>
    private const int Window = 256;

    /// <summary>About the number of tokens that OpenAI's chat format adds to each message.</summary>
    private const int TokensPerMessage = 3;

    private static readonly Lazy<Tokenizer> Encoding = new(() => TiktokenTokenizer.CreateForEncoding("o200k_base"));

    public static long Count(string text)
    {
        if (text.Length > MaxTokenized)
        {
            return text.Length / BytesPerToken;
        }

        var tokens = 0L;
        for (var start = 0; start < text.Length;)
        {
            var end = WindowEnd(text, start);
            tokens += Encoding.Value.CountTokens(text.AsSpan(start, end - start));
            start = end;
        }

        return tokens;
    }

    public static long Count(ReadOnlySpan<byte> utf8) => utf8.IsEmpty ? 0 : Count(System.Text.Encoding.UTF8.GetString(utf8));

    /// <summary>Counts the tokens of a chat request's messages and tools: their texts, plus the format's tokens for each message.</summary>
    /// <param name="request">The request.</param>
    /// <param name="systemPrompt">The text that the model adds; null if it adds none.</param>
    public static long CountPrompt(ReadOnlyMemory<byte> request, string? systemPrompt = null)
    {
        var (text, frames) = ReadPrompt(request, systemPrompt);
        return Count(text.ToString()) + frames;
    }

    /// <summary>Estimates the result of <see cref="CountPrompt"/> without tokenizing.</summary>
    public static long GuessPrompt(ReadOnlyMemory<byte> request, string? systemPrompt = null)
    {
        var (text, frames) = ReadPrompt(request, systemPrompt);
        return (text.Length / BytesPerToken) + frames;
    }

    /// <summary>Counts the tokens of all strings in a JSON value.</summary>
    public static long CountText(ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json);
        var text = new StringBuilder();
        CollectText(document.RootElement, text);

        // Without the separator after the last string.
        return Count(text.ToString(0, Math.Max(text.Length - 1, 0)));
    }

    /// <summary>Returns the first <paramref name="tokens"/> tokens of a text.</summary>
    public static string Truncate(string text, int tokens)
    {
        for (var start = 0; start < text.Length;)
        {
            var end = WindowEnd(text, start);
            var window = text.AsSpan(start, end - start);
            var count = Encoding.Value.CountTokens(window);
            if (count > tokens)
            {
                return text[..(start + Encoding.Value.GetIndexByTokenCount(window, tokens, out _, out _))];
            }

            tokens -= count;
            start = end;
        }

        return text;
    }

    // The tokenizer's time grows with the square of the length of a run without white space, which a caller may send on purpose. Text is therefore
    // counted in windows. A window that ends just before white space does not change the count, because no token extends into white space from the left.
    private static int WindowEnd(string text, int start)
    {
        var end = Math.Min(start + Window, text.Length);
        if (end == text.Length)
        {
            return end;
        }

        for (var cut = end; cut > start + (Window / 2); cut--)
        {
            if (char.IsWhiteSpace(text[cut]) && !char.IsWhiteSpace(text[cut - 1]))
            {
                return cut;
            }
        }

        return char.IsLowSurrogate(text[end]) ? end - 1 : end;
    }

    private static (StringBuilder Text, long Frames) ReadPrompt(ReadOnlyMemory<byte> request, string? systemPrompt)
    {
        using var document = JsonDocument.Parse(request);
        var messages = document.RootElement.GetProperty("messages");
        var text = new StringBuilder();
        CollectText(messages, text);
        if (document.RootElement.TryGetProperty("tools"u8, out var tools))
        {
            CollectText(tools, text, withNames: true);
        }

        var frames = messages.GetArrayLength() + 1;
        if (systemPrompt is { Length: > 0 })
        {
            text.Append(systemPrompt);
            frames++;
        }

        return (text, frames * TokensPerMessage);
    }

    // All text in a message: content in either form, tool calls and their arguments. Images, audio and video contain none.
    private static void CollectText(JsonElement element, StringBuilder text, bool withNames = false)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Array:
                foreach (var item in element.EnumerateArray())
                {
                    CollectText(item, text, withNames);
                }

                break;
            case JsonValueKind.Object:
                foreach (var property in element.EnumerateObject())
                {
                    if (!property.NameEquals("image_url"u8) && !property.NameEquals("input_audio"u8) && !property.NameEquals("file"u8)
                        && !property.NameEquals("video_url"u8) && !property.NameEquals("audio_url"u8))
                    {
                        // The names in a schema are words for the model as well.
                        if (withNames)
                        {
                            text.Append(property.Name).Append(' ');
                        }

                        CollectText(property.Value, text, withNames);
                    }
                }

                break;
            case JsonValueKind.String:
                text.Append(JsonText.Of(element)).Append(' ');
                break;
        }
    }
}
