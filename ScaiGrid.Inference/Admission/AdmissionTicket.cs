using System.Numerics;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Metering;

namespace ScaiGrid.Inference.Admission;

/// <summary>The reservation of an admitted call, which is held until the call is settled.</summary>
public sealed class AdmissionTicket
{
    /// <summary>For calls that are counted but never settled.</summary>
    internal static readonly AdmissionTicket Empty = new() { Id = "", Most = default, IsBinding = false };

    private int _isClosed;

    /// <summary>The id of the usage record that the call will have.</summary>
    public required string Id { get; init; }

    /// <summary>The reserved amounts: those the call needs, or somewhat more if it was admitted together with others.</summary>
    public required TicketAmounts Most { get; set; }

    /// <summary>Whether a blocking budget relies on <see cref="Most"/>, so that the upstream must be given an output limit.</summary>
    public required bool IsBinding { get; init; }

    /// <summary>For a call that may be repeated after a crash: the name of the set within which it counts once; otherwise null.</summary>
    public string? Once { get; init; }

    internal AdmissionPart[] Parts { get; set; } = [];

    /// <summary>The second of Redis's clock in which the call was counted.</summary>
    internal long Second { get; set; }

    internal bool TryClose() => Interlocked.Exchange(ref _isClosed, 1) == 0;
}

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

/// <summary>The actual use of a call.</summary>
/// <param name="Cost">Nano-units charged.</param>
/// <param name="Tokens">Prompt and completion tokens.</param>
/// <param name="At">The usage record's time, which determines the budget period.</param>
public readonly record struct Settlement(long Cost, long Tokens, DateTimeOffset At);

/// <summary>The decision on a call.</summary>
/// <param name="Problem">The reason for a refusal; null if the call may run.</param>
/// <param name="Limits">The state of the rate limits, shown to the caller in either case.</param>
/// <param name="Ticket">To be settled when the call ends; null if nothing was reserved.</param>
public readonly record struct AdmissionOutcome(Problem? Problem, RateLimitState Limits = default, AdmissionTicket? Ticket = null);

/// <summary>The most that a call can use, known before it is sent.</summary>
/// <param name="Highest">The maximum of each unit.</param>
/// <param name="Estimate">A rough estimate of the tokens that the call will use.</param>
/// <param name="Prices">The highest price that can be charged for each unit.</param>
/// <param name="Bytes">Size of the request.</param>
public readonly record struct CallBounds(TokenUsage Highest, long Estimate, UnitPrices Prices, long Bytes)
{
    /// <summary>In nano-units.</summary>
    public long HighestCost => Prices.CostOf(Highest);
}

/// <summary>Loads the use of budgets that Redis does not know from the database. Off the hot path: after Redis lost data, and for new budgets.</summary>
public interface IBudgetLedger
{
    /// <param name="budgets">All budgets of a call; those that Redis knows are left unchanged.</param>
    /// <param name="cancellationToken">Cancelled when the caller disconnects.</param>
    /// <returns>False if the database cannot be read either.</returns>
    Task<bool> SeedAsync(IReadOnlyList<BudgetRule> budgets, CancellationToken cancellationToken);
}
