using System.Buffers.Text;
using System.Collections.Frozen;
using System.Globalization;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>The kind of limit that a field sets.</summary>
internal enum BoundKind
{
    /// <summary>The tokens of each choice.</summary>
    Tokens,

    /// <summary>The number of choices.</summary>
    Choices,

    /// <summary>A flag that removes the limit of tokens.</summary>
    Lifted,
}

/// <summary>The output limits that a budget has reserved for and relies on.</summary>
/// <param name="Tokens">The tokens of each choice.</param>
/// <param name="Choices">The number of choices.</param>
internal readonly record struct OutputBounds(int Tokens, int Choices)
{
    /// <summary>The value to send instead, if a field exceeds the limits; null if it does not.</summary>
    /// <param name="kind">The field's kind.</param>
    /// <param name="json">The field's value.</param>
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

/// <summary>A field that some upstreams read as an output limit, in addition to those of OpenAI's format.</summary>
/// <param name="Name">As the caller wrote it.</param>
/// <param name="Kind">The kind of limit.</param>
/// <param name="Value">The position of its value.</param>
internal readonly record struct OtherBound(string Name, BoundKind Kind, JsonSpan Value)
{
    // llama.cpp's n_predict takes precedence over max_tokens, and text-generation-webui's flag over both. Servers in Go accept names in any case, those that
    // read
    // protobuf's JSON accept them without underscores as well, and of duplicate names the last one wins.
    private static readonly FrozenDictionary<string, BoundKind> Kinds = Names(
            BoundKind.Tokens,
            ChatRequestEditor.OldLimit, ChatRequestEditor.NewLimit, "max_output_tokens", "max_new_tokens", "max_gen_tokens", "max_tokens_to_sample", "max_length", "n_predict", "num_predict")
        .Concat(Names(BoundKind.Choices, "n", "n_cmpl", "best_of", "num_return_sequences"))
        .Concat(Names(BoundKind.Lifted, "auto_max_new_tokens"))
        .ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    /// <summary>Whether a name is one of these fields.</summary>
    public static bool TryFind(string name, out BoundKind kind)
    {
        kind = default;
        return name is not (ChatRequestEditor.OldLimit or ChatRequestEditor.NewLimit or "n")

            // Go's case folding maps two more characters to ASCII letters: the long s and the Kelvin sign.
            && Kinds.TryGetValue(name.Replace('\u017f', 's').Replace('\u212a', 'k'), out kind);
    }

    private static IEnumerable<KeyValuePair<string, BoundKind>> Names(BoundKind kind, params string[] names) =>
        names.Concat(names.Select(name => name.Replace("_", "", StringComparison.Ordinal))).Distinct().Select(name => KeyValuePair.Create(name, kind));
}
