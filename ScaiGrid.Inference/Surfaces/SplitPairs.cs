namespace ScaiGrid.Inference.Surfaces;

/// <summary>
/// Joins surrogate pairs that an upstream splits over two chunks of a stream: a high surrogate at the end of a text is held back until the
/// next chunk arrives, because it cannot be written as a character by itself. It is dropped if no text follows.
/// </summary>
public sealed class SplitPairs
{
    private readonly Dictionary<(int Choice, int Call, string Field), char> _halves = [];

    /// <summary>True if a half is held back: the next chunk is not written like others of its shape.</summary>
    public bool HoldsHalf => _halves.Count > 0;

    public ChatAnswer Join(ChatAnswer chunk) =>
        _halves.Count == 0 && !chunk.Choices.Any(EndsInside) ? chunk : chunk with { Choices = [.. chunk.Choices.Select(Join)] };

    private static bool EndsInside(ChatChoice choice) =>
        EndsInside(choice.Content) || EndsInside(choice.Reasoning) || EndsInside(choice.Refusal) || choice.ToolCalls.Any(call => EndsInside(call.Arguments));

    private static bool EndsInside(string? text) => text is { Length: > 0 } && char.IsHighSurrogate(text[^1]);

    private ChatChoice Join(ChatChoice choice) => choice with
    {
        Content = Join((choice.Index, -1, nameof(choice.Content)), choice.Content),
        Reasoning = Join((choice.Index, -1, nameof(choice.Reasoning)), choice.Reasoning),
        Refusal = Join((choice.Index, -1, nameof(choice.Refusal)), choice.Refusal),
        ToolCalls = [.. choice.ToolCalls.Select(call => call with { Arguments = Join((choice.Index, call.Index, nameof(call.Arguments)), call.Arguments)! })],
    };

    private string? Join((int Choice, int Call, string Field) place, string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return text;
        }

        if (_halves.Remove(place, out var half))
        {
            text = half + text;
        }

        if (!EndsInside(text))
        {
            return text;
        }

        _halves[place] = text[^1];
        return text[..^1];
    }
}
