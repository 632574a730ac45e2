using ScaiGrid.Core.Errors;

namespace ScaiGrid.Core.Identity;

/// <summary>
/// Endpoint metadata: the permissions that a caller needs. An endpoint without it and without <c>AllowAnonymous</c> refuses all calls, and
/// fails a test. gRPC methods have it as an attribute.
/// </summary>
/// <param name="permissions">At least one is needed; empty if authentication is enough.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class AccessAttribute(params string[] permissions) : Attribute
{
    public IReadOnlyList<string> Permissions { get; } = permissions;

    /// <summary>How far the permission must reach.</summary>
    public Reach Reach { get; init; }

    /// <summary>Why authentication is enough, if no permission is needed.</summary>
    public string? Reason { get; init; }

    /// <summary>For a caller that is not admitted: names what is needed.</summary>
    public Problem Refusal => new(
        CoreErrors.PermissionDenied,
        $"The caller lacks the permission {string.Join(" or ", permissions)}{Reach switch { Reach.Grid => " for the whole installation", Reach.Partner => " for all tenants of its partner", _ => "" }}, which this call needs.");

    public bool Admits(Caller caller)
    {
        // On the path of every call: no closure, no enumerator.
        for (var i = 0; i < permissions.Length; i++)
        {
            if (caller.ReachOf(permissions[i]) >= Reach)
            {
                return true;
            }
        }

        return permissions.Length == 0;
    }
}
