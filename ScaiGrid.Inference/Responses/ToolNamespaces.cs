using System.Security.Cryptography;
using System.Text;

namespace ScaiGrid.Inference.Responses;

/// <summary>
/// Functions that a caller gave in groups: chat has none, so that a function there has its group's name in front of its own, and loses it
/// again in the answer.
/// </summary>
internal sealed class ToolNamespaces
{
    private const int LongestName = 64;

    private readonly Dictionary<string, (string? Namespace, string Name)> _functions = [];

    /// <summary>Whether any of them is in a group.</summary>
    public bool HasGroups => _functions.Values.Any(function => function.Namespace is not null);

    /// <summary>What the function is called in a chat; where that would be longer than OpenAI takes, less of the group's name is in it, or of both.</summary>
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

        // Of the whole name, so that the next turn's is the same, and another function's is not.
        var mark = $"_{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(joined)).AsSpan(0, 4))}";
        var end = $"{mark}__{name}";
        return end.Length < LongestName ? group[..(LongestName - end.Length)] + end : joined[..(LongestName - mark.Length)] + mark;
    }

    /// <returns>False where what it is called in a chat would be two functions' name.</returns>
    public bool TryAdd(string? group, string name)
    {
        var chatName = Join(group, name);

        // Two that stand alone and have one name are the upstream's to judge.
        return _functions.TryAdd(chatName, (group, name)) || (group is null && _functions[chatName].Namespace is null);
    }

    /// <returns>What the caller calls it, without a group where it has none.</returns>
    public (string? Namespace, string Name) Split(string chatName) => _functions.TryGetValue(chatName, out var function) ? function : (null, chatName);
}
