namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>
/// Maps the ids of a conversation's calls to ones that Anthropic accepts. Ids from other models may contain characters that it rejects, or
/// repeat in each answer, which it also rejects. A call and its result get the same new id.
/// </summary>
internal sealed class AnthropicCallIds
{
    private readonly Dictionary<string, int> _known = [];
    private readonly Dictionary<string, Queue<string>> _unanswered = [];

    public string OfCall(string id)
    {
        var plain = Plain(id);
        var own = plain;
        while (!_known.TryAdd(own, 1))
        {
            own = $"{plain}_{++_known[plain]}";
        }

        if (!_unanswered.TryGetValue(id, out var calls))
        {
            _unanswered[id] = calls = new Queue<string>();
        }

        calls.Enqueue(own);
        return own;
    }

    public string OfResult(string id) => _unanswered.TryGetValue(id, out var calls) && calls.TryDequeue(out var own) ? own : Plain(id);

    private static string Plain(string id) => id.Length == 0 ? "call" : string.Create(id.Length, id, static (span, text) =>
    {
        for (var i = 0; i < text.Length; i++)
        {
            span[i] = char.IsAsciiLetterOrDigit(text[i]) || text[i] is '_' or '-' ? text[i] : '_';
        }
    });
}
