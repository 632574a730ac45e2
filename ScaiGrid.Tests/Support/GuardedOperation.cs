using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ScaiGrid.Core.Identity;

namespace ScaiGrid.Tests.Support;

/// <summary>An operation of the API with its required permissions, according to the OpenAPI document.</summary>
/// <param name="Method">In upper case.</param>
/// <param name="Path">With parameters in braces.</param>
/// <param name="IsAnonymous">Whether no credentials are needed.</param>
/// <param name="Permissions">At least one is needed; empty if authentication is enough.</param>
/// <param name="Reach">How far the permission must reach.</param>
public sealed partial record GuardedOperation(string Method, string Path, bool IsAnonymous, IReadOnlyList<string> Permissions, Reach Reach)
{
    private static readonly string[] Methods = ["get", "put", "post", "delete", "patch", "head", "options"];

    /// <summary>The path up to its last parameter, which is the resource's own address.</summary>
    public string? ResourcePath => Path.LastIndexOf('}') is >= 0 and var end ? Path[..(end + 1)] : null;

    public static async Task<IReadOnlyList<GuardedOperation>> ReadAsync(ApiDriver api)
    {
        var document = JsonNode.Parse(await api.Http.GetStringAsync(new Uri("/openapi/v1.json", UriKind.Relative)))!;
        return
        [
            .. from path in document["paths"]!.AsObject()
               from operation in path.Value!.AsObject()
               where Methods.Contains(operation.Key)
               select Read(operation.Key.ToUpperInvariant(), path.Key, operation.Value!),
        ];
    }

    public bool IsFor(string role) =>
        Permissions is [] || Permissions.Any(permission => Roles.Holds[role].Contains(permission) && Roles.ReachOf([role], permission) >= Reach);

    public override string ToString() => $"{Method} {Path}";

    private static GuardedOperation Read(string method, string path, JsonNode operation)
    {
        var access = Needed().Match((string?)operation["description"] ?? "");
        return new GuardedOperation(
            method,
            path,
            operation["security"] is not JsonArray { Count: > 0 },
            access.Success ? access.Groups[1].Value.Replace("`", "", StringComparison.Ordinal).Split(" or ") : [],
            access.Groups[2].Value switch
            {
                " for the whole installation" => Reach.Grid,
                " for a whole partner" => Reach.Partner,
                _ => Reach.Tenant,
            });
    }

    [GeneratedRegex("Needs the permission (`[^`]+`(?: or `[^`]+`)*)([^.]*)")]
    private static partial Regex Needed();
}
