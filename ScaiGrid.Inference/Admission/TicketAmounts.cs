using System.Numerics;

namespace ScaiGrid.Inference.Admission;

/// <summary>The amounts that a ticket reserves.</summary>
/// <param name="EstimatedTokens">Counted in token windows until the real number is known.</param>
/// <param name="Cost">The highest possible cost of the call in nano-units, which its budgets reserve.</param>
/// <param name="Tokens">The highest possible number of tokens of the call.</param>
public readonly record struct TicketAmounts(long EstimatedTokens, long Cost, long Tokens)
{
    /// <summary>A ticket may be at most this many times as large as needed: more would reserve too much for a long call.</summary>
    private const int MostTimes = 4;

    /// <summary>Whether the amounts suffice for a call without being far too large.</summary>
    public bool Suit(TicketAmounts needs) =>
        Suit(EstimatedTokens, needs.EstimatedTokens) && Suit(Cost, needs.Cost) && Suit(Tokens, needs.Tokens);

    /// <summary>Rounds each amount up to a power of two.</summary>
    public TicketAmounts RoundedUp() => new(RoundedUp(EstimatedTokens), RoundedUp(Cost), RoundedUp(Tokens));

    private static bool Suit(long amount, long need) => amount >= need && amount / MostTimes <= need;

    private static long RoundedUp(long amount) => (long)BitOperations.RoundUpToPowerOf2((ulong)amount);
}
