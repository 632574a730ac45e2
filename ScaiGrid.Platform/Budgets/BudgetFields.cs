using ScaiGrid.Core;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference.Admission;

namespace ScaiGrid.Platform.Budgets;

/// <summary>Validates a budget's fields.</summary>
internal static class BudgetFields
{
    public const int NameLength = 200;
    public const int DefaultSoftLimit = 800_000;

    // Redis scripts add counts in floating point, which is exact below 2^53.
    private const long MaxCount = 1_000_000_000_000_000;

    public static string Period(Checks checks, string? value, string otherwise) =>
        checks.OneOf("period", value, otherwise, BudgetCalendar.Daily, BudgetCalendar.Weekly, BudgetCalendar.Monthly, BudgetCalendar.Total);

    public static string NewPeriod(Checks checks, string? value) =>
        checks.RequiredOneOf("period", value, BudgetCalendar.Daily, BudgetCalendar.Weekly, BudgetCalendar.Monthly, BudgetCalendar.Total);

    /// <summary>Empty if the value is invalid.</summary>
    public static string Scope(Checks checks, string? value) =>
        checks.RequiredOneOf("scope", value, BudgetScope.Partner, BudgetScope.Tenant, BudgetScope.User, BudgetScope.Group);

    public static string Action(Checks checks, string? value, string otherwise) =>
        checks.OneOf("hard_action", value, otherwise, BudgetActions.Block, BudgetActions.Notify, BudgetActions.Throttle);

    public static long? Cost(Checks checks, string? value)
    {
        if (value is null)
        {
            return null;
        }

        if (!Money.TryParse(value, out var nanos))
        {
            checks.Add("cost_limit", "must be a decimal string such as \"250.00\" with at most nine decimals.");
        }

        return nanos;
    }

    public static long? Count(Checks checks, string field, long? value)
    {
        if (value is < 0 or > MaxCount)
        {
            checks.Add(field, $"must be between 0 and {MaxCount}.");
        }

        return value;
    }

    public static int? SoftLimit(Checks checks, decimal? value)
    {
        if (value is < 0 or > 1)
        {
            checks.Add("soft_limit_pct", "must be between 0 and 1.");
            return null;
        }

        return value is { } share ? (int)(share * 1_000_000) : null;
    }

    public static void RequireLimit(Checks checks, Budget budget)
    {
        if (budget is { CostLimit: null, TokenLimit: null, RequestLimit: null })
        {
            checks.Add("cost_limit", "is required, or token_limit or request_limit is.");
        }
    }
}
