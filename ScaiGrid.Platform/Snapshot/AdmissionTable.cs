using System.Collections.Frozen;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Platform.Budgets;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Snapshot;

/// <summary>Creates the rate limits and budgets of a snapshot.</summary>
internal static class AdmissionTable
{
    public static AdmissionRules Rules(SnapshotRows rows, AdmissionOptions options)
    {
        var zones = rows.Tenants.All.ToDictionary(tenant => tenant.Id, TenantTimeZone.Of);
        return new AdmissionRules(options.Defaults)
        {
            Overrides = rows.RateLimits.All.ToFrozenDictionary(row => row.OwnerId, row => row.Overrides()),
            Budgets = rows.Budgets.All
                .GroupBy(budget => budget.ScopeId, budget => budget.Rule(zones))
                .ToFrozenDictionary(group => group.Key, group => group.ToArray()),
        };
    }
}
