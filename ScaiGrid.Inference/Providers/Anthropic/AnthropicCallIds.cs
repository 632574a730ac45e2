namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>
/// Ids of the calls of a conversation. Those of other models may hold letters that are refused here, and may come again in each of their
/// answers, which is refused as well; both ends of a call are changed alike.
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
