using System.Text.Json;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Providers.Translation;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>
/// Counts of one answer. Their <c>input_tokens</c> are what was neither read from nor written to the cache, so the prompt is the sum of
/// three; thinking is part of <c>output_tokens</c>. A stream repeats its counts, growing: the greatest of each is the last.
/// </summary>
internal struct AnthropicUsage
{
    private long? _input;
    private long? _cacheRead;
    private long? _cacheWrites;
    private long? _output;
    private long? _thinking;

    /// <summary>Whether the prompt was counted: without that it is no account of the call, which would be free.</summary>
    public readonly bool Exists => (_input ?? _cacheRead ?? _cacheWrites) is not null;

    public readonly long CacheWrites => _cacheWrites ?? 0;

    public readonly TokenUsage Tokens => new((_input ?? 0) + (_cacheRead ?? 0) + CacheWrites, _output ?? 0, _cacheRead ?? 0, _thinking ?? 0) { LacksCompletion = _output is null };

    /// <summary>Takes the counts of the <c>usage</c> of a message or an event.</summary>
    public void Add(JsonElement owner)
    {
        if (!RequestDocument.TryGetObject(owner, "usage"u8, out var usage))
        {
            return;
        }

        _input = TokenUsage.Greater(_input, TokenUsage.Count(usage, "input_tokens"u8));
        _cacheRead = TokenUsage.Greater(_cacheRead, TokenUsage.Count(usage, "cache_read_input_tokens"u8));
        _cacheWrites = TokenUsage.Greater(_cacheWrites, TokenUsage.Count(usage, "cache_creation_input_tokens"u8));
        _output = TokenUsage.Greater(_output, TokenUsage.Count(usage, "output_tokens"u8));
        if (RequestDocument.TryGetObject(usage, "output_tokens_details"u8, out var details))
        {
            _thinking = TokenUsage.Greater(_thinking, TokenUsage.Count(details, "thinking_tokens"u8));
        }
    }
}
