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
    private long _input;
    private long _cacheRead;
    private long _output;
    private long _thinking;

    public bool Exists { get; private set; }

    public long CacheWrites { get; private set; }

    public readonly TokenUsage Tokens => new(_input + _cacheRead + CacheWrites, _output, _cacheRead, _thinking);

    /// <summary>Takes the counts of the <c>usage</c> of a message or an event.</summary>
    public void Add(JsonElement owner)
    {
        if (!RequestDocument.TryGetObject(owner, "usage"u8, out var usage))
        {
            return;
        }

        Exists = true;
        _input = Math.Max(_input, Count(usage, "input_tokens"u8));
        _cacheRead = Math.Max(_cacheRead, Count(usage, "cache_read_input_tokens"u8));
        CacheWrites = Math.Max(CacheWrites, Count(usage, "cache_creation_input_tokens"u8));
        _output = Math.Max(_output, Count(usage, "output_tokens"u8));
        if (RequestDocument.TryGetObject(usage, "output_tokens_details"u8, out var details))
        {
            _thinking = Math.Max(_thinking, Count(details, "thinking_tokens"u8));
        }
    }

    private static long Count(JsonElement owner, ReadOnlySpan<byte> name) =>
        owner.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var count)
            ? Math.Clamp(count, 0, TokenUsage.MaxCount)
            : 0;
}
