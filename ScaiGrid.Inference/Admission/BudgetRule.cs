namespace ScaiGrid.Inference.Admission;

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
