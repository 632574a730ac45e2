using System.Globalization;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Inference.Admission;

/// <summary>
/// Creates the error of a call for which a budget has no room: which budget, why, and when its next period starts. Callers who may not see a
/// partner's budget learn only that a budget above their tenant refused: neither its period nor the reason, which would reveal, call by
/// call, how much is left of it.
/// </summary>
internal static class BudgetRefusal
{
    private const int HeldSeconds = 2;
    private const string Hidden = "a budget above your tenant";

    /// <summary>Retry-After is left out above this: some clients sleep for as long as they are told. The time is in the message instead.</summary>
    private static readonly TimeSpan LongestWait = TimeSpan.FromHours(1);

    /// <summary>The numbers are used by the script.</summary>
    public enum Reason
    {
        UsedUp = 0,
        Held = 1,
        TooLarge = 2,
    }

    public static Problem Of(BudgetRule budget, Reason reason, TicketAmounts call, Caller caller, DateTimeOffset now)
    {
        if (!IsShownTo(caller, budget))
        {
            return new Problem(
                InferenceErrors.BudgetExceeded, $"There is no room for this call in {Hidden}.", reason is Reason.Held ? HeldSeconds : null);
        }

        var name = Name(budget);
        if (reason is Reason.Held)
        {
            return new Problem(
                InferenceErrors.BudgetExceeded, $"The rest of {name} is reserved for running calls; try again when they have ended.", HeldSeconds);
        }

        if (reason is Reason.TooLarge && (call.Cost > budget.CostLimit || call.Tokens > budget.TokenLimit))
        {
            return new Problem(InferenceErrors.BudgetExceeded, $"This call may use more than the whole of {name}; a smaller one may fit.");
        }

        var text = reason is Reason.TooLarge ? $"This call may use more than is left of {name}; a smaller one may fit." : $"There is no room left in {name}.";
        if (budget.PeriodAt(now).End is not { } end)
        {
            return new Problem(InferenceErrors.BudgetExceeded, $"{text} It has no further period; its limit can be raised.");
        }

        var wait = end - now;
        return new Problem(
            InferenceErrors.BudgetExceeded,
            $"{text} Its next period begins at {end.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)}.",
            wait <= LongestWait ? Math.Max((int)Math.Ceiling(wait.TotalSeconds), 1) : null,
            ResetsAt: end);
    }

    public static Problem Throttled(BudgetRule budget, Caller caller, int seconds) =>
        new(InferenceErrors.RateLimited, $"There is no room left in {(IsShownTo(caller, budget) ? Name(budget) : Hidden)}; calls are let through slowly.", seconds);

    private static bool IsShownTo(Caller caller, BudgetRule budget) =>
        budget.Scope != BudgetScope.Partner || caller.ReachOf(Permissions.ManageBudgets) is Reach.Partner or Reach.Grid;

    // A user has one tenant, but any number of groups.
    private static string Name(BudgetRule budget) => $"{(budget.Scope == BudgetScope.Group ? "a" : "the")} {budget.Scope}'s {budget.Calendar.Period} budget";
}
