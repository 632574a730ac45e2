using ScaiGrid.Core.Errors;

namespace ScaiGrid.Core.Identity;

/// <summary>
/// How a call of a batch is billed, as far as it differs from other calls. Budgets apply to it, but rate limits do not: nobody waits for it.
/// Its answer must not contain URLs that expire.
/// </summary>
/// <param name="UsageId">The id of its usage record, assigned in advance: a call that is repeated after a crash is billed once.</param>
/// <param name="PricePercent">Per cent of the usual price.</param>
/// <param name="Once">The name of a set of calls within which budgets count a usage id only once, even if the call is repeated.</param>
/// <param name="IsRepeatedAfter">
/// Whether the call is made again after this failure. It is then charged at its last try only: a part that the failed try has used is not billed.
/// </param>
public sealed record CallTerms(string UsageId, int PricePercent, string Once, Func<Problem, bool> IsRepeatedAfter)
{
    /// <summary>The price for the caller, in nano-units, rounded up.</summary>
    public long Apply(long cost) => (long)Int128.Min((((Int128)cost * PricePercent) + 99) / 100, long.MaxValue);
}
