namespace ScaiGrid.Core.Identity;

/// <summary>
/// How a call of a batch is billed: where that differs from the usual. It is held back by budgets and not by rate limits, which are
/// for calls that somebody waits for; and its answer holds nothing that ends within the hour.
/// </summary>
/// <param name="UsageId">The id of its usage record, given beforehand: a call that may be made again after a crash is billed once.</param>
/// <param name="PricePercent">Of the usual price.</param>
/// <param name="Once">The set of calls that it belongs to, within which budgets count a usage id once however often the call is made.</param>
public sealed record CallTerms(string UsageId, int PricePercent, string Once)
{
    /// <summary>What the caller pays, in nano-units; a fraction counts as a whole.</summary>
    public long Apply(long cost) => (long)Int128.Min((((Int128)cost * PricePercent) + 99) / 100, long.MaxValue);
}
