using System.Buffers.Text;
using System.Globalization;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>The kind of limit that a field sets.</summary>
internal enum BoundKind
{
    /// <summary>The tokens of each choice.</summary>
    Tokens,

    /// <summary>The number of choices, or of images.</summary>
    Choices,

    /// <summary>A flag that removes the limit of tokens.</summary>
    Lifted,
}

/// <summary>The output limits that a budget has reserved for and relies on.</summary>
/// <param name="Tokens">The tokens of each choice.</param>
/// <param name="Choices">The number of choices, or of images.</param>
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

/// <summary>The fields that some upstreams read as a bound, besides those of the format.</summary>
internal static class OtherBounds
{
    // llama.cpp's n_predict takes precedence over max_tokens, and text-generation-webui's flag over both.
    private static readonly LooseNames<BoundKind> Kinds = new(
        Names(BoundKind.Tokens, ChatRequestEditor.MaxTokensField, ChatRequestEditor.MaxCompletionTokensField, "max_output_tokens", "max_new_tokens", "max_gen_tokens", "max_tokens_to_sample", "max_length", "n_predict", "num_predict")
            .Concat(Names(BoundKind.Choices, "n", "n_cmpl", "best_of", "num_return_sequences"))
            .Concat(Names(BoundKind.Choices, "num_images", "num_images_per_prompt", "num_outputs", "number_of_images", "sample_count", "batch_size", "batch_count"))
            .Concat(Names(BoundKind.Lifted, "auto_max_new_tokens")));

    /// <summary>Whether a name is one of these fields.</summary>
    public static bool TryFind(string name, out BoundKind kind)
    {
        kind = default;
        return name is not (ChatRequestEditor.MaxTokensField or ChatRequestEditor.MaxCompletionTokensField or "n") && Kinds.TryFind(name, out kind);
    }

    private static IEnumerable<KeyValuePair<string, BoundKind>> Names(BoundKind kind, params string[] names) => names.Select(name => KeyValuePair.Create(name, kind));
}
