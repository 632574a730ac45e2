using ScaiGrid.Core.Identity;

namespace ScaiGrid.Inference.Admission;

/// <summary>All limits and budgets that apply to one caller's calls, precomputed as far as they do not change from call to call.</summary>
public sealed class AdmissionPlan
{
    private readonly AdmissionPart _tenant;
    private readonly AdmissionPart _partner;
    private readonly AdmissionPart[] _whole;
    private readonly AdmissionPart[] _split;

    private AdmissionPlan(AdmissionPart tenant, AdmissionPart partner)
    {
        (_tenant, _partner) = (tenant, partner);
        _split = [.. new[] { tenant, partner }.Where(part => !part.IsEmpty)];
        _whole = _split.Length < 2 ? _split : [AdmissionPart.Join(tenant, partner)];
        HasBudgets = _split.Any(part => part.Budgets.Length > 0);
        Blocks = _split.Any(part => part.Budgets.Any(budget => budget.Action == BudgetAction.Block));
        CountsTokens = _split.Any(part => part.TokenWindows.Length > 0);
    }

    public bool IsEmpty => _split.Length == 0;

    /// <summary>The plan without budgets, for calls that cost nothing.</summary>
    /// <remarks>A race may create two; the tickets of the one that is lost are returned like all unused tickets.</remarks>
    public AdmissionPlan LimitsOnly => field ??= _tenant.Budgets.IsEmpty && _partner.Budgets.IsEmpty ? this
        : new AdmissionPlan(new AdmissionPart(_tenant.Owner, _tenant.Windows, []), new AdmissionPart(_partner.Owner, _partner.Windows, []));

    /// <summary>The plan without rate limits, for calls of batches: the worker sets their pace.</summary>
    public AdmissionPlan BudgetsOnly => field ??= _tenant.Windows.IsEmpty && _partner.Windows.IsEmpty ? this
        : new AdmissionPlan(new AdmissionPart(_tenant.Owner, [], _tenant.Budgets), new AdmissionPart(_partner.Owner, [], _partner.Budgets));

    public bool HasBudgets { get; }

    /// <summary>Whether one of the budgets may block a call.</summary>
    public bool Blocks { get; }

    public bool CountsTokens { get; }

    /// <summary>A script's keys must share a slot: on a cluster the tenant's part and the partner's part are sent in parallel.</summary>
    public AdmissionPart[] Parts(bool isCluster) => isCluster ? _split : _whole;

    public static AdmissionPlan Of(Caller caller, AdmissionRules rules)
    {
        var limits = rules.Defaults;
        var own = rules.Overrides.GetValueOrDefault(caller.TenantId);
        var partner = rules.Overrides.GetValueOrDefault(caller.PartnerId);
        var windows = new List<LimitWindow>();
        Add(windows, caller.TenantId, "k", caller.ApiKeyId, own?.Key.Over(limits.Key) ?? limits.Key);
        Add(windows, caller.TenantId, "u", caller.UserId, own?.User.Over(limits.User) ?? limits.User);
        Add(windows, caller.TenantId, "t", caller.TenantId, own?.Tenant.Over(limits.Tenant) ?? limits.Tenant);
        var above = new List<LimitWindow>();
        Add(above, caller.PartnerId, "p", caller.PartnerId, partner?.Partner.Over(limits.Partner) ?? limits.Partner);

        IEnumerable<string> scopes = [caller.TenantId, caller.UserId, .. caller.Groups];
        var budgets = scopes.SelectMany(scope => rules.Budgets.GetValueOrDefault(scope) ?? []).Where(budget => budget.Owner == caller.TenantId);
        return new AdmissionPlan(
            new AdmissionPart(caller.TenantId, [.. windows], [.. budgets]),
            new AdmissionPart(caller.PartnerId, [.. above], [.. rules.Budgets.GetValueOrDefault(caller.PartnerId) ?? []]));
    }

    private static void Add(List<LimitWindow> windows, string owner, string level, string? id, RateLimit limit)
    {
        if (id is not null && !limit.IsNone)
        {
            windows.Add(new LimitWindow(AdmissionKeys.Window(owner, level, id), limit));
        }
    }
}
