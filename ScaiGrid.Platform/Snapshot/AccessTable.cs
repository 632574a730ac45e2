using System.Collections.Frozen;
using ScaiGrid.Platform.Models;

namespace ScaiGrid.Platform.Snapshot;

/// <summary>Computes, for each model, the tenants whose access differs from the model's default.</summary>
internal sealed class AccessTable
{
    private readonly ILookup<string, ModelAccess> _ofModels;
    private readonly ILookup<string, ModelAccess> _ofGroups;
    private readonly ILookup<string, string> _groupsOfModels;

    public AccessTable(SnapshotRows rows)
    {
        _ofModels = rows.Access.All.Where(rule => rule.ModelId is not null).ToLookup(rule => rule.ModelId!);
        _ofGroups = rows.Access.All.Where(rule => rule.GroupId is not null).ToLookup(rule => rule.GroupId!);
        _groupsOfModels = rows.GroupMembers.All.ToLookup(member => member.ModelId, member => member.GroupId);
    }

    /// <returns>The tenants; null if there are none.</returns>
    public FrozenSet<string>? Exceptions(Model model)
    {
        var decided = new Dictionary<string, string>();
        foreach (var rule in _groupsOfModels[model.Id].SelectMany(group => _ofGroups[group]))
        {
            if (!decided.TryAdd(rule.TenantId, rule.Access) && rule.Access == ModelAccessWords.Block)
            {
                decided[rule.TenantId] = rule.Access;
            }
        }

        foreach (var rule in _ofModels[model.Id])
        {
            decided[rule.TenantId] = rule.Access;
        }

        var exceptions = decided.Where(pair => pair.Value != model.DefaultAccess).Select(pair => pair.Key).ToFrozenSet();
        return exceptions.Count == 0 ? null : exceptions;
    }
}
