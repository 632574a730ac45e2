using System.Text.Json;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Google;

/// <summary>
/// Token counts of an answer. Cached tokens are part of the prompt's count. Thoughts are not part of the candidates' count, and tokens that
/// tools add to the prompt are also separate. A stream repeats its counts as they grow. A count of zero is omitted, but a prompt is never empty.
/// </summary>
internal struct GoogleUsage
{
    private long? _prompt;
    private long? _toolPrompt;
    private long? _candidates;
    private long? _thoughts;
    private long? _cached;

    /// <summary>True if the prompt was counted. Usage without it is not accepted, because the call would be free.</summary>
    public readonly bool Exists => _prompt is not null;

    // The cached tokens cannot exceed the prompt's.
    public readonly TokenUsage Tokens => new(Prompt, (_candidates ?? 0) + (_thoughts ?? 0), Math.Min(_cached ?? 0, Prompt), _thoughts ?? 0);

    private readonly long Prompt => (_prompt ?? 0) + (_toolPrompt ?? 0);

    public void Add(JsonElement answer)
    {
        if (!answer.TryGetObject("usageMetadata"u8, out var usage))
        {
            return;
        }

        _prompt = TokenUsage.Greater(_prompt, TokenUsage.Count(usage, "promptTokenCount"u8));
        _toolPrompt = TokenUsage.Greater(_toolPrompt, TokenUsage.Count(usage, "toolUsePromptTokenCount"u8));
        _candidates = TokenUsage.Greater(_candidates, TokenUsage.Count(usage, "candidatesTokenCount"u8));
        _thoughts = TokenUsage.Greater(_thoughts, TokenUsage.Count(usage, "thoughtsTokenCount"u8));
        _cached = TokenUsage.Greater(_cached, TokenUsage.Count(usage, "cachedContentTokenCount"u8));
    }
}
