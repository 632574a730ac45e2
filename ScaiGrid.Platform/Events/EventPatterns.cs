using System.Text.RegularExpressions;

namespace ScaiGrid.Platform.Events;

/// <summary>The patterns of a subscription: an event type, a prefix (<c>budget.*</c>), or <c>*</c> for all.</summary>
internal static partial class EventPatterns
{
    public const string Expected = "must be an event type such as request.completed, a prefix such as budget.*, or *.";

    private const int MaxLength = 100;

    /// <summary>The first parts of the platform's own event types, all of which are known; those of modules are not.</summary>
    private static readonly HashSet<string> OwnFamilies = [.. EventTypes.All.Select(Family)];

    public static bool Matches(string pattern, string type) =>
        pattern == "*" || pattern == type || (pattern.EndsWith(".*", StringComparison.Ordinal) && type.StartsWith(pattern[..^1], StringComparison.Ordinal));

    /// <summary>Whether a pattern can match any event, as far as known: otherwise a typing mistake would never be noticed.</summary>
    public static bool IsMeaningful(string? pattern) =>
        pattern is not null && (pattern == "*"
            || (pattern.Length <= MaxLength && Shape().IsMatch(pattern)
                && (!OwnFamilies.Contains(Family(pattern)) || EventTypes.All.Any(type => Matches(pattern, type)))));

    private static string Family(string type) => type.Split('.')[0];

    [GeneratedRegex(@"^[a-z0-9_]+(\.[a-z0-9_]+)*(\.\*|\.[a-z0-9_]+)$")]
    private static partial Regex Shape();
}
