namespace ScaiGrid.Inference.Admission;

/// <summary>What a budget does to calls that would exceed it. The numbers are those of the script.</summary>
public enum BudgetAction
{
    Block = 0,
    Notify = 1,
    Throttle = 2,
}

/// <summary>Whose use a budget counts.</summary>
public static class BudgetScope
{
    public const string Partner = "partner";
    public const string Tenant = "tenant";
    public const string User = "user";
    public const string Group = "group";
}

/// <summary>A budget as the hot path knows it. One instance for all callers of a snapshot.</summary>
public sealed class BudgetRule
{
    private volatile BudgetPeriod? _period;

    public required string Id { get; init; }

    /// <summary>The tenant, or for a partner's budget the partner: whose keys in Redis share a slot.</summary>
    public required string Owner { get; init; }

    /// <summary>One of <see cref="BudgetScope"/>.</summary>
    public required string Scope { get; init; }

    public required BudgetAction Action { get; init; }

    /// <summary>Nano-units; null for none.</summary>
    public long? CostLimit { get; init; }

    public long? TokenLimit { get; init; }

    public long? RequestLimit { get; init; }

    public required BudgetCalendar Calendar { get; init; }

    /// <summary>The period that a time is in; remembered, since nearly all calls of a day ask for the same.</summary>
    public BudgetPeriod PeriodAt(DateTimeOffset time)
    {
        var period = _period;
        return period is not null && period.Contains(time) ? period : _period = Calendar.PeriodAt(time);
    }
}
