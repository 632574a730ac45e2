using System.Text.Json;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Providers.Translation;

namespace ScaiGrid.Inference.Providers.Google;

/// <summary>
/// Counts of one answer. Cached tokens are part of the prompt's; thoughts are not part of the candidates', and what tools put into
/// the prompt is apart as well. A stream repeats its counts, growing.
/// </summary>
internal struct GoogleUsage
{
    private long _prompt;
    private long _toolPrompt;
    private long _candidates;
    private long _thoughts;
    private long _cached;

    public bool Exists { get; private set; }

    public readonly TokenUsage Tokens => new(_prompt + _toolPrompt, _candidates + _thoughts, _cached, _thoughts);

    public void Add(JsonElement answer)
    {
        if (!RequestDocument.TryGetObject(answer, "usageMetadata"u8, out var usage))
        {
            return;
        }

        Exists = true;
        _prompt = Math.Max(_prompt, Count(usage, "promptTokenCount"u8));
        _toolPrompt = Math.Max(_toolPrompt, Count(usage, "toolUsePromptTokenCount"u8));
        _candidates = Math.Max(_candidates, Count(usage, "candidatesTokenCount"u8));
        _thoughts = Math.Max(_thoughts, Count(usage, "thoughtsTokenCount"u8));
        _cached = Math.Max(_cached, Count(usage, "cachedContentTokenCount"u8));
    }

    private static long Count(JsonElement owner, ReadOnlySpan<byte> name) =>
        owner.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var count)
            ? Math.Clamp(count, 0, TokenUsage.MaxCount)
            : 0;
}
