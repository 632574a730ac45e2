using System.Text;
using System.Text.Encodings.Web;
using System.Text.RegularExpressions;

namespace ScaiGrid.Inference.Providers;

/// <summary>
/// A secret that is sent to an upstream. Removes it from the upstream's errors, which may repeat it, its base64, or the ends by which people tell keys apart.
/// In other answers, only the whole key is looked for.
/// </summary>
/// <param name="value">The secret.</param>
/// <param name="isKey">Whether it is an API key, whose ends may be shown alone; the ends of other values may be common words.</param>
internal sealed partial class UpstreamSecret(string value, bool isKey)
{
    private const string Hidden = "•••";

    /// <summary>Shorter values may be common words.</summary>
    private const int Shortest = 8;

    /// <summary>The ends of shorter values are half of the value each, and may be common words. Placeholders of servers that need no key are shorter.</summary>
    private const int ShortestInParts = 16;

    private const int ShortestStart = 8;
    private const int ShortestEnd = 4;
    private const int ShortestMaskedEnd = 2;

    private string[]? _forms;

    // A header's value may be a sentence or an address, whose words are not secret.
    private bool IsInParts => isKey && value.Length >= ShortestInParts && !value.AsSpan().ContainsAny(' ', ':');

    /// <summary>Returns the text without the secret and its parts.</summary>
    /// <param name="text">The upstream's text.</param>
    /// <param name="inParts">Whether to remove parts of the secret as well.</param>
    public string Scrub(string text, bool inParts)
    {
        if (value.Length < Shortest)
        {
            return text;
        }

        // Created for errors only: most backends never need them.
        _forms ??= [.. Forms(value).Distinct().OrderByDescending(form => form.Length)];
        foreach (var form in _forms)
        {
            text = text.Replace(form, Hidden, StringComparison.Ordinal);
        }

        return inParts && IsInParts ? Word().Replace(text, word => IsPart(word) ? Hidden : word.Value) : text;
    }

    /// <summary>
    /// The forms to look for in JSON that is no error: with the least escaping, with slashes escaped, and with all escaped that HTML could misread.
    /// None for a value that an answer may contain by chance.
    /// </summary>
    public IEnumerable<string> FormsInAnswers()
    {
        if (!isKey || value.Length < ShortestInParts)
        {
            return [];
        }

        var least = JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(value);
        return [least, least.Replace("/", "\\/", StringComparison.Ordinal), JavaScriptEncoder.Default.Encode(value)];
    }

    // Its base64 alone; and as part of something longer, without the characters at either end that depend on the neighbouring bytes.
    private static IEnumerable<string> Forms(string value)
    {
        yield return value;
        var bytes = Encoding.UTF8.GetBytes(value);
        foreach (var form in (string[])[Base64(bytes, 0).TrimEnd('='), Inner(bytes, 0), Inner(bytes, 1), Inner(bytes, 2)])
        {
            yield return form;
            yield return form.Replace('+', '-').Replace('/', '_');
        }
    }

    private static string Inner(byte[] bytes, int before)
    {
        var digits = Base64(bytes, before).TrimEnd('=');
        var start = before == 0 ? 0 : before + 1;
        return digits[start..((before + bytes.Length) % 3 == 0 ? digits.Length : digits.Length - 1)];
    }

    private static string Base64(byte[] bytes, int before) => Convert.ToBase64String([.. new byte[before], .. bytes]);

    private bool IsPart(Match word)
    {
        var head = word.Groups["head"].ValueSpan;
        var tail = word.Groups["tail"].ValueSpan;
        var isMasked = word.Groups["mask"].Success;
        foreach (var form in _forms!)
        {
            if (isMasked ? IsEnd(form, head, tail) : IsEnd(form, head))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsEnd(string form, ReadOnlySpan<char> head, ReadOnlySpan<char> tail) =>
        (head.Length >= ShortestMaskedEnd && form.AsSpan().StartsWith(head)) || (tail.Length >= ShortestMaskedEnd && form.AsSpan().EndsWith(tail));

    private static bool IsEnd(string form, ReadOnlySpan<char> word) =>
        (word.Length >= ShortestStart && form.AsSpan().StartsWith(word)) || (word.Length >= ShortestEnd && form.AsSpan().EndsWith(word));

    // Matches each character once: a word as a whole, together with a mask that hides its middle.
    [GeneratedRegex(@"(?<head>[\w+-]+)(?:(?<mask>(?:[*•…]|\.{3})+)(?<tail>[\w+-]*))?|(?<mask>(?:[*•…]|\.{3})+)(?<tail>[\w+-]*)")]
    private static partial Regex Word();
}
