using System.Collections.Frozen;
using System.Runtime.CompilerServices;
using ScaiGrid.Core.Identity;

namespace ScaiGrid.Inference.Admission;

/// <summary>A snapshot's limits and budgets. Creates each caller's plan at the caller's first call.</summary>
public sealed class AdmissionRules
{
    public static readonly AdmissionRules None = new(new LevelLimits(default, default, default, default));

    private readonly ConditionalWeakTable<Caller, AdmissionPlan> _plans = [];
    private readonly ConditionalWeakTable<Caller, AdmissionPlan>.CreateValueCallback _make;

    public AdmissionRules(LevelLimits defaults)
    {
        Defaults = defaults;
        _make = caller => AdmissionPlan.Of(caller, this);
    }

    /// <summary>The installation's limits.</summary>
    public LevelLimits Defaults { get; }

    /// <summary>Overrides by tenant id and partner id.</summary>
    public FrozenDictionary<string, LevelOverrides> Overrides { get; init; } = FrozenDictionary<string, LevelOverrides>.Empty;

    /// <summary>Budgets by the id of their partner, tenant, user or group.</summary>
    public FrozenDictionary<string, BudgetRule[]> Budgets { get; init; } = FrozenDictionary<string, BudgetRule[]>.Empty;

    /// <summary>Callers whose limits are reached.</summary>
    internal FullWindows Full { get; } = new();

    public AdmissionPlan PlanOf(Caller caller) => _plans.GetValue(caller, _make);
}
