namespace ScaiGrid.Platform.Identity;

/// <summary>The groups of users: those that they are directly in, and every group that contains one of these at any depth.</summary>
internal sealed class GroupsOfUsers(Func<string, IEnumerable<string>> direct, IEnumerable<GroupChild> children)
{
    private readonly ILookup<string, string> _parents = children.ToLookup(child => child.ChildId, child => child.GroupId);

    // Thousands of users are in the same few groups: they share the lists.
    private readonly Dictionary<string, string[]> _known = [];

    public string[] Of(string userId)
    {
        string[] groups = [.. direct(userId).Order(StringComparer.Ordinal)];
        if (groups.Length == 0)
        {
            return groups;
        }

        var name = string.Join(' ', groups);
        if (!_known.TryGetValue(name, out var all))
        {
            _known[name] = all = [.. groups.SelectMany(group => GroupRoles.Walk(group, _parents)).Distinct().Order(StringComparer.Ordinal)];
        }

        return all;
    }
}
