using System.Numerics;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Metering;

namespace ScaiGrid.Inference.Admission;

/// <summary>What an admitted call holds until it is settled.</summary>
public sealed class AdmissionTicket
{
    /// <summary>For what is counted and never settled.</summary>
    internal static readonly AdmissionTicket Empty = new() { Id = "", Most = default, IsBinding = false };

    private int _isClosed;

    /// <summary>The id of the usage record that the call will have.</summary>
    public required string Id { get; init; }

    /// <summary>What is held back for it: as much as it asked for, or somewhat more where it was admitted together with others.</summary>
    public required TicketAmounts Most { get; set; }

    /// <summary>Whether a budget that blocks relies on <see cref="Most"/>.</summary>
    public required bool IsBinding { get; init; }

    /// <summary>For a call that may be made again after a crash: the set within which it counts once. Null for others.</summary>
    public string? Once { get; init; }

    internal AdmissionPart[] Parts { get; set; } = [];

    /// <summary>Second of Redis's clock at which the call was counted.</summary>
    internal long Second { get; set; }

    internal bool TryClose() => Interlocked.Exchange(ref _isClosed, 1) == 0;
}

/// <summary>What a ticket is good for.</summary>
/// <param name="EstimatedTokens">Counted in windows of tokens until the true number is known.</param>
/// <param name="Cost">The most that the call can cost, in nano-units: what its budgets hold back.</param>
/// <param name="Tokens">The most tokens that the call can use.</param>
public readonly record struct TicketAmounts(long EstimatedTokens, long Cost, long Tokens)
{
    /// <summary>More would be held back for a long call that needs little.</summary>
    private const int MostTimes = 4;

    /// <summary>Whether they are enough for a call, and not far too much.</summary>
    public bool Suit(TicketAmounts needs) =>
        Suit(EstimatedTokens, needs.EstimatedTokens) && Suit(Cost, needs.Cost) && Suit(Tokens, needs.Tokens);

    /// <summary>To a power of two each.</summary>
    public TicketAmounts RoundedUp() => new(RoundedUp(EstimatedTokens), RoundedUp(Cost), RoundedUp(Tokens));

    private static bool Suit(long amount, long need) => amount >= need && amount / MostTimes <= need;

    private static long RoundedUp(long amount) => (long)BitOperations.RoundUpToPowerOf2((ulong)amount);
}

/// <summary>What a call came to.</summary>
/// <param name="Cost">Nano-units charged.</param>
/// <param name="Tokens">Prompt and completion.</param>
/// <param name="At">The usage record's time, by which the call belongs to a period.</param>
public readonly record struct Settlement(long Cost, long Tokens, DateTimeOffset At);

/// <summary>Whether a call may go on.</summary>
/// <param name="Problem">Why not; null when it may.</param>
/// <param name="Limits">For the caller to see, whichever way it went.</param>
/// <param name="Ticket">To be settled when the call ends; null where nothing was reserved.</param>
public readonly record struct AdmissionOutcome(Problem? Problem, RateLimitState Limits = default, AdmissionTicket? Ticket = null);

/// <summary>The most that a call can use, known before it is sent.</summary>
/// <param name="Highest">What it can use at most, of each unit.</param>
/// <param name="Estimate">Tokens that the call will use by a rough guess.</param>
/// <param name="Prices">The highest that can be charged for each unit.</param>
/// <param name="Bytes">What the caller sent.</param>
public readonly record struct CallBounds(TokenUsage Highest, long Estimate, UnitPrices Prices, long Bytes)
{
    /// <summary>Nano-units.</summary>
    public long HighestCost => Prices.CostOf(Highest);
}

/// <summary>Brings budgets whose use Redis does not know to what the database has. Off the hot path: after a loss of Redis, and for new budgets.</summary>
public interface IBudgetLedger
{
    /// <param name="budgets">All of a call's: those that Redis knows are left as they are.</param>
    /// <param name="cancellationToken">The caller has gone.</param>
    /// <returns>False when the database cannot tell either.</returns>
    Task<bool> SeedAsync(IReadOnlyList<BudgetRule> budgets, CancellationToken cancellationToken);
}
