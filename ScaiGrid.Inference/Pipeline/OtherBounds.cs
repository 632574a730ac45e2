using System.Buffers.Text;
using System.Collections.Frozen;
using System.Globalization;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>What a field bounds.</summary>
internal enum BoundKind
{
    /// <summary>The tokens of a choice.</summary>
    Tokens,

    /// <summary>The choices.</summary>
    Choices,

    /// <summary>Nothing: a flag that lifts the bound on tokens.</summary>
    Lifted,
}

/// <summary>What a budget has reserved for, and relies on.</summary>
/// <param name="Tokens">Of each choice.</param>
/// <param name="Choices">How many there are.</param>
internal readonly record struct OutputBounds(int Tokens, int Choices)
{
    /// <summary>What must stand in place of a value so that the field says no more; null where it does not.</summary>
    /// <param name="kind">Of the field.</param>
    /// <param name="json">Its value.</param>
    public string? Instead(BoundKind kind, ReadOnlySpan<byte> json)
    {
        if (kind == BoundKind.Lifted)
        {
            return json.SequenceEqual("false"u8) ? null : "false";
        }

        var most = kind == BoundKind.Choices ? Choices : Tokens;
        return Utf8Parser.TryParse(json, out int value, out var read) && read == json.Length && value >= 1 && value <= most
            ? null
            : most.ToString(CultureInfo.InvariantCulture);
    }
}

/// <summary>The fields that some upstreams read as a bound, besides those of the format.</summary>
internal static class OtherBounds
{
    // llama.cpp's n_predict wins over max_tokens, and text-generation-webui's flag over both. Servers in Go take names in any case, those that read protobuf's JSON
    // take them without underscores too, and where a name is there twice the last one wins.
    private static readonly FrozenDictionary<string, BoundKind> Kinds = Names(
            BoundKind.Tokens,
            ChatRequestEditor.MaxTokensField, ChatRequestEditor.MaxCompletionTokensField, "max_output_tokens", "max_new_tokens", "max_gen_tokens", "max_tokens_to_sample", "max_length", "n_predict", "num_predict")
        .Concat(Names(BoundKind.Choices, "n", "n_cmpl", "best_of", "num_return_sequences"))
        .Concat(Names(BoundKind.Lifted, "auto_max_new_tokens"))
        .ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether a name is another one of a bound.</summary>
    public static bool TryFind(string name, out BoundKind kind)
    {
        kind = default;
        return name is not (ChatRequestEditor.MaxTokensField or ChatRequestEditor.MaxCompletionTokensField or "n")

            // Go's letter case has two more letters that are equal to one of ours: the long s and the sign of the kelvin.
            && Kinds.TryGetValue(name.Replace('\u017f', 's').Replace('\u212a', 'k'), out kind);
    }

    private static IEnumerable<KeyValuePair<string, BoundKind>> Names(BoundKind kind, params string[] names) =>
        names.Concat(names.Select(name => name.Replace("_", "", StringComparison.Ordinal))).Distinct().Select(name => KeyValuePair.Create(name, kind));
}
