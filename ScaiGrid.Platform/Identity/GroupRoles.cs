namespace ScaiGrid.Platform.Identity;

/// <summary>The roles of groups: those mapped to a group, and to every group that contains it at any depth.</summary>
internal sealed class GroupRoles(IEnumerable<RoleMapping> mappings, IEnumerable<GroupChild> children)
{
    private readonly ILookup<string, string> _mapped = mappings.ToLookup(mapping => mapping.GroupId, mapping => mapping.Role);
    private readonly ILookup<string, string> _parents = children.ToLookup(child => child.ChildId, child => child.GroupId);
    private readonly Dictionary<string, string[]> _known = [];

    /// <summary>The roles of a group's members.</summary>
    public IReadOnlyList<string> Of(string groupId)
    {
        if (!_known.TryGetValue(groupId, out var roles))
        {
            _known[groupId] = roles = [.. Walk(groupId, _parents).SelectMany(group => _mapped[group]).Distinct()];
        }

        return roles;
    }

    /// <summary>A group and all groups reachable from it. Cycles, which an identity provider may have created, are handled.</summary>
    public static IEnumerable<string> Walk(string groupId, ILookup<string, string> edges)
    {
        HashSet<string> seen = [groupId];
        var open = new Queue<string>(seen);
        while (open.TryDequeue(out var group))
        {
            yield return group;
            foreach (var next in edges[group].Where(seen.Add))
            {
                open.Enqueue(next);
            }
        }
    }
}
