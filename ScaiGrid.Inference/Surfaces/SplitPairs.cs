namespace ScaiGrid.Inference.Surfaces;

/// <summary>
/// Puts together what an upstream splits over two chunks of a stream: half of a surrogate pair at the end of a text is held back until what follows it
/// comes, as it could be written as no character by itself. A half that nothing follows is left out.
/// </summary>
public sealed class SplitPairs
{
    private readonly Dictionary<(int Choice, int Call, string Field), char> _halves = [];

    public ChatAnswer Join(ChatAnswer chunk) => chunk with { Choices = [.. chunk.Choices.Select(Join)] };

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

        if (!char.IsHighSurrogate(text[^1]))
        {
            return text;
        }

        _halves[place] = text[^1];
        return text[..^1];
    }
}
