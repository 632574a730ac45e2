using System.Text.Json;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>
/// Token counts of an answer. <c>input_tokens</c> excludes cache reads and writes, so the prompt is the sum of three counts; thinking is part
/// of <c>output_tokens</c>. A stream repeats its counts as they grow: the largest of each is final.
/// </summary>
internal struct AnthropicUsage
{
    private long? _input;
    private long? _cacheRead;
    private long? _cacheWrites;
    private long? _output;
    private long? _thinking;

    /// <summary>True if the prompt was counted. Usage without it is not accepted, because the call would be free.</summary>
    public readonly bool Exists => (_input ?? _cacheRead ?? _cacheWrites) is not null;

    public readonly long CacheWrites => _cacheWrites ?? 0;

    public readonly TokenUsage Tokens => new((_input ?? 0) + (_cacheRead ?? 0) + CacheWrites, _output ?? 0, _cacheRead ?? 0, _thinking ?? 0) { LacksCompletion = _output is null };

    /// <summary>Reads the <c>usage</c> of a message or an event.</summary>
    public void Add(JsonElement owner)
    {
        if (!owner.TryGetObject("usage"u8, out var usage))
        {
            return;
        }

        _input = TokenUsage.Greater(_input, TokenUsage.Count(usage, "input_tokens"u8));
        _cacheRead = TokenUsage.Greater(_cacheRead, TokenUsage.Count(usage, "cache_read_input_tokens"u8));
        _cacheWrites = TokenUsage.Greater(_cacheWrites, TokenUsage.Count(usage, "cache_creation_input_tokens"u8));
        _output = TokenUsage.Greater(_output, TokenUsage.Count(usage, "output_tokens"u8));
        if (usage.TryGetObject("output_tokens_details"u8, out var details))
        {
            _thinking = TokenUsage.Greater(_thinking, TokenUsage.Count(details, "thinking_tokens"u8));
        }
    }
}
