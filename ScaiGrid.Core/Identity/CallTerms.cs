namespace ScaiGrid.Core.Identity;

/// <summary>How one call is billed where that differs from the usual.</summary>
/// <param name="UsageId">The id of its usage record, given beforehand: a call that may be made again after a crash is billed once.</param>
/// <param name="PricePercent">Of the usual price.</param>
public sealed record CallTerms(string UsageId, int PricePercent)
{
    /// <summary>What the caller pays, in nano-units; a fraction counts as a whole.</summary>
    public long Apply(long cost) => (long)Int128.Min((((Int128)cost * PricePercent) + 99) / 100, long.MaxValue);
}
