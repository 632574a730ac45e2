using ScaiGrid.Core;

namespace ScaiGrid.Inference.Metering;

/// <summary>What a model or a backend charges, in nano-units. Each unit is charged by its own price, and one without a price is free.</summary>
/// <param name="Input">For a million input tokens.</param>
/// <param name="Output">For a million output tokens.</param>
/// <param name="Image">For a picture.</param>
/// <param name="AudioMinute">For a minute of audio that is listened to.</param>
/// <param name="CachedInput">For a million input tokens that the upstream had cached; null: charged as all others.</param>
public readonly record struct UnitPrices(long Input, long Output, long Image = 0, long AudioMinute = 0, long? CachedInput = null)
{
    private const long MillisecondsPerMinute = 60_000;

    /// <summary>Whether tokens have a price and minutes have none.</summary>
    public bool AreOfTokensAlone => AudioMinute == 0 && (Input > 0 || Output > 0);

    public long CostOf(TokenUsage usage)
    {
        var units = ((Int128)usage.Images * Image) + ((((Int128)usage.AudioMilliseconds * AudioMinute) + (MillisecondsPerMinute / 2)) / MillisecondsPerMinute);
        var cached = CachedInput is null ? 0 : Math.Min(usage.Cached, usage.Prompt);
        return (long)Int128.Clamp(units + Money.Cost(usage.Prompt - cached, usage.Completion, Input, Output, cached, CachedInput ?? 0), 0, long.MaxValue);
    }
}
