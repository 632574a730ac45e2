using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ScaiGrid.Core.Identity;

namespace ScaiGrid.Tests.Support;

/// <summary>An operation of the API, and who may call it, as the OpenAPI document promises.</summary>
/// <param name="Method">In capitals.</param>
/// <param name="Path">With parameters in braces.</param>
/// <param name="IsAnonymous">For everybody.</param>
/// <param name="Permissions">One of which the caller must hold; none where being authenticated is enough.</param>
/// <param name="Reach">How far they must hold it.</param>
public sealed partial record GuardedOperation(string Method, string Path, bool IsAnonymous, IReadOnlyList<string> Permissions, Reach Reach)
{
    private static readonly string[] Methods = ["get", "put", "post", "delete", "patch", "head", "options"];

    /// <summary>The path's part up to its last parameter: what a resource's own address is.</summary>
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
