using ScaiGrid.Core;

namespace ScaiGrid.Inference.Metering;

/// <summary>Prices of a model or backend in nano-units. Each unit has its own price, and a unit without a price is free.</summary>
/// <param name="Input">Per million input tokens.</param>
/// <param name="Output">Per million output tokens.</param>
/// <param name="Image">Per generated image.</param>
/// <param name="AudioMinute">Per minute of transcribed audio.</param>
/// <param name="CachedInput">Per million input tokens that the upstream had cached; null if they cost as much as all others.</param>
public readonly record struct UnitPrices(long Input, long Output, long Image = 0, long AudioMinute = 0, long? CachedInput = null)
{
    private const long MillisecondsPerMinute = 60_000;

    /// <summary>Whether tokens have a price and audio minutes have none.</summary>
    public bool AreOfTokensAlone => AudioMinute == 0 && (Input > 0 || Output > 0);

    public long CostOf(TokenUsage usage)
    {
        var units = ((Int128)usage.Images * Image) + ((((Int128)usage.AudioMilliseconds * AudioMinute) + (MillisecondsPerMinute / 2)) / MillisecondsPerMinute);
        var cached = CachedInput is null ? 0 : Math.Min(usage.Cached, usage.Prompt);
        return (long)Int128.Clamp(units + Money.Cost(usage.Prompt - cached, usage.Completion, Input, Output, cached, CachedInput ?? 0), 0, long.MaxValue);
    }
}
