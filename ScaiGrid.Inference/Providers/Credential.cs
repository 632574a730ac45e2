using System.Text;
using System.Text.RegularExpressions;

namespace ScaiGrid.Inference.Providers;

/// <summary>A secret that is sent to an upstream, and what upstreams show of it in their errors: all of it, its base64, or the ends by which people tell keys apart.</summary>
/// <param name="value">The secret.</param>
/// <param name="hasEnds">Whether it is a key, of which ends may be shown; what else an operator sends may end in any word.</param>
internal sealed partial class Credential(string value, bool hasEnds)
{
    private const string Hidden = "•••";

    /// <summary>Shorter values may be any word.</summary>
    private const int Shortest = 8;

    /// <summary>Of shorter ones each end is half of the value, and may be any word.</summary>
    private const int ShortestInParts = 16;

    private const int ShortestStart = 8;
    private const int ShortestEnd = 4;
    private const int ShortestMaskedEnd = 2;

    private string[]? _forms;

    // A header's value may be a sentence or an address, whose words are anybody's.
    private bool IsInParts => hasEnds && value.Length >= ShortestInParts && !value.AsSpan().ContainsAny(' ', ':');

    /// <summary>The text without it, and without what is left of it.</summary>
    /// <param name="text">What the upstream says.</param>
    /// <param name="inParts">Whether what is left of it may be in the text.</param>
    public string Scrub(string text, bool inParts)
    {
        if (value.Length < Shortest)
        {
            return text;
        }

        // On the way of errors only: most backends never need them.
        _forms ??= [.. Forms(value).Distinct().OrderByDescending(form => form.Length)];
        foreach (var form in _forms)
        {
            text = text.Replace(form, Hidden, StringComparison.Ordinal);
        }

        return inParts && IsInParts ? Word().Replace(text, word => IsPart(word) ? Hidden : word.Value) : text;
    }

    // Its base64 alone, and, without the characters at either end that depend on what is beside it, as part of something longer.
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

    // Each character is looked at once: a word is taken whole, and what hides the middle of it with it.
    [GeneratedRegex(@"(?<head>[\w+-]+)(?:(?<mask>(?:[*•…]|\.{3})+)(?<tail>[\w+-]*))?|(?<mask>(?:[*•…]|\.{3})+)(?<tail>[\w+-]*)")]
    private static partial Regex Word();
}
