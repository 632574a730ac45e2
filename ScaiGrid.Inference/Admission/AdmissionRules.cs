using System.Collections.Frozen;
using System.Runtime.CompilerServices;
using ScaiGrid.Core.Identity;

namespace ScaiGrid.Inference.Admission;

/// <summary>Limits and budgets of a snapshot, and from them each caller's plan, made when the caller first calls.</summary>
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

    /// <summary>Limits of their own, by tenant id and partner id.</summary>
    public FrozenDictionary<string, LevelOverrides> Overrides { get; init; } = FrozenDictionary<string, LevelOverrides>.Empty;

    /// <summary>Budgets by the id of the partner, tenant, user or group that they are for.</summary>
    public FrozenDictionary<string, BudgetRule[]> Budgets { get; init; } = FrozenDictionary<string, BudgetRule[]>.Empty;

    public AdmissionPlan PlanOf(Caller caller) => _plans.GetValue(caller, _make);
}
