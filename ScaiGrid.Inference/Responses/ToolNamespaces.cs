using System.Security.Cryptography;
using System.Text;

namespace ScaiGrid.Inference.Responses;

/// <summary>
/// Functions that the caller grouped in namespaces. Chat has no namespaces, so there the function's name is prefixed with its group's, and
/// the prefix is removed again in the answer.
/// </summary>
internal sealed class ToolNamespaces
{
    private const int LongestName = 64;

    private readonly Dictionary<string, (string? Namespace, string Name)> _functions = [];

    /// <summary>True if any function is in a group.</summary>
    public bool HasGroups => _functions.Values.Any(function => function.Namespace is not null);

    /// <summary>The function's name in chat. If it exceeds OpenAI's limit, the group's name is shortened, or both are.</summary>
    public static string Join(string? group, string name)
    {
        if (group is not { Length: > 0 })
        {
            return name;
        }

        var joined = $"{group}__{name}";
        if (joined.Length <= LongestName)
        {
            return joined;
        }

        // A hash of the full name: stable across turns, and different for each function.
        var mark = $"_{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(joined)).AsSpan(0, 4))}";
        var end = $"{mark}__{name}";
        return end.Length < LongestName ? group[..(LongestName - end.Length)] + end : joined[..(LongestName - mark.Length)] + mark;
    }

    /// <returns>False if another function already has the same name in chat.</returns>
    public bool TryAdd(string? group, string name)
    {
        var chatName = Join(group, name);

        // Two ungrouped functions with the same name are for the upstream to judge.
        return _functions.TryAdd(chatName, (group, name)) || (group is null && _functions[chatName].Namespace is null);
    }

    /// <returns>The caller's name for the function; the group is null if it has none.</returns>
    public (string? Namespace, string Name) Split(string chatName) => _functions.TryGetValue(chatName, out var function) ? function : (null, chatName);
}
