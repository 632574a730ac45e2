using System.Text.Json.Nodes;

namespace ScaiGrid.Tests.Support;

/// <summary>The operations that the running API documents, for tests of all endpoints.</summary>
public static class OpenApiDocument
{
    private static readonly string[] Methods = ["get", "put", "post", "delete", "patch"];

    public static async Task<IReadOnlyList<ApiOperation>> ReadAsync(ApiDriver api)
    {
        var paths = JsonNode.Parse(await api.Http.GetStringAsync(new Uri("/openapi/v1.json", UriKind.Relative)))!["paths"]!.AsObject();
        return
        [
            .. from path in paths
               from operation in path.Value!.AsObject().Where(member => Methods.Contains(member.Key))
               let parameters = (operation.Value!["parameters"]?.AsArray() ?? []).Concat(path.Value["parameters"]?.AsArray() ?? [])
               select new ApiOperation(
                   operation.Key.ToUpperInvariant(),
                   path.Key,
                   [.. parameters.Where(parameter => (string?)parameter!["in"] == "query").Select(parameter => (string)parameter!["name"]!)]),
        ];
    }
}

/// <param name="Method">In upper case.</param>
/// <param name="Path">With parameters in braces.</param>
/// <param name="Query">Names of its query parameters.</param>
public sealed record ApiOperation(string Method, string Path, IReadOnlyList<string> Query)
{
    /// <summary>Whether the path contains parameters.</summary>
    public bool HasPathParameters => Path.Contains('{', StringComparison.Ordinal);

    public bool IsList => Method == "GET" && Query.Contains("cursor");

    /// <summary>The path with a value for each parameter.</summary>
    public string PathWith(string value) => System.Text.RegularExpressions.Regex.Replace(Path, "{[^}]+}", Uri.EscapeDataString(value));

    public override string ToString() => $"{Method} {Path}";
}
