namespace ScaiGrid.Inference.Admission;

/// <summary>What a budget does to calls that would exceed it. The numbers are used by the script.</summary>
public enum BudgetAction
{
    Block = 0,
    Notify = 1,
    Throttle = 2,
}

/// <summary>The kinds of owner whose use a budget counts.</summary>
public static class BudgetScope
{
    public const string Partner = "partner";
    public const string Tenant = "tenant";
    public const string User = "user";
    public const string Group = "group";
}

/// <summary>A budget as the hot path uses it. One instance for all callers of a snapshot.</summary>
public sealed class BudgetRule
{
    private volatile BudgetPeriod? _period;

    public required string Id { get; init; }

    /// <summary>The id of the tenant, or of the partner for a partner's budget: the hash tag of its keys in Redis.</summary>
    public required string Owner { get; init; }

    /// <summary>One of <see cref="BudgetScope"/>.</summary>
    public required string Scope { get; init; }

    public required BudgetAction Action { get; init; }

    /// <summary>In nano-units; null if costs are not limited.</summary>
    public long? CostLimit { get; init; }

    public long? TokenLimit { get; init; }

    public long? RequestLimit { get; init; }

    public required BudgetCalendar Calendar { get; init; }

    /// <summary>The period that contains a time. Cached, because nearly all calls ask for the same one.</summary>
    public BudgetPeriod PeriodAt(DateTimeOffset time)
    {
        var period = _period;
        return period is not null && period.Contains(time) ? period : _period = Calendar.PeriodAt(time);
    }
}
