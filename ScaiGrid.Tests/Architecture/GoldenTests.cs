using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Modules;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Architecture;

/// <summary>The public contracts as files, so that each change is visible in review. UPDATE_GOLDEN=1 rewrites them.</summary>
public sealed partial class GoldenTests(Grid grid)
{
    private static readonly string[] Methods = ["get", "put", "post", "delete", "patch", "head", "options"];

    [Fact]
    public void ConfigurationPage_IsUpToDate() => Golden.Matches(ConfigurationPage.Write(), "docs/configuration.md");

    [Fact]
    public void ErrorCodes_AreThePromisedOnes() => Golden.Matches(
        ErrorCatalogue.Entries.Select(entry => $"{entry.Error.Code,-32} {entry.Error.Status}  {entry.Error.Message}"), "error-codes.txt");

    [Fact]
    public void Permissions_AreThePromisedOnes() => Golden.Matches(
        Permissions.All.Order(StringComparer.Ordinal)
            .Select(permission => $"{permission,-28} {string.Join(' ', Roles.Holds.Where(role => role.Value.Contains(permission)).Select(role => role.Key).Order(StringComparer.Ordinal))}")
            .Concat(AllModules.Create().SelectMany(module => module.Manifest.Permissions).Select(permission => $"{permission.Key,-28} {permission.Description}")),
        "permissions.txt");

    [Fact]
    public void Metrics_AreThePromisedOnes() => Golden.Matches(MetricCatalogue.Read().Select(metric => $"{metric.Name,-45} {metric.Kind,-10} {metric.Meter}"), "metrics.txt");

    [Fact]
    public void OperationsPage_TellsEveryMetric()
    {
        var page = SourceTree.Read("docs/operations.md");

        Breaches.None(MetricCatalogue.Read().Where(metric => !page.Contains($"`{metric.Name}", StringComparison.Ordinal)));
    }

    [Fact]
    public void OperationsPage_TellsOfDefaultsAndRetries()
    {
        var page = SourceTree.Read("docs/operations.md");
        string[] told = [.. RetryPolicy.Words, "default_params", "retry.on", "retry.max_attempts"];

        Breaches.None(told.Where(word => !page.Contains($"`{word}`", StringComparison.Ordinal)));
        Assert.Contains($"| `retry.max_attempts` | {RetryPolicy.Default.MaxAttempts} | 1 to {InferenceOptions.MaxAttempts}:", page, StringComparison.Ordinal);
    }

    /// <summary>The OpenAPI document is taken from the running API.</summary>
    [Fact]
    public async Task OpenApi_HasThePromisedPaths()
    {
        await grid.EnsureStartedAsync();
        var paths = JsonNode.Parse(await grid.Admin.Http.GetStringAsync(new Uri("/openapi/v1.json", UriKind.Relative)))!["paths"]!.AsObject();

        Golden.Matches(
            from path in paths.OrderBy(path => path.Key, StringComparer.Ordinal)
            from operation in path.Value!.AsObject().Where(member => Methods.Contains(member.Key))
            orderby path.Key, Array.IndexOf(Methods, operation.Key)
            select $"{operation.Key.ToUpperInvariant(),-7} {path.Key,-48} {Access(operation.Value!)}",
            "openapi.txt");
    }

    private static string Access(JsonNode operation) =>
        operation["security"] is not JsonArray { Count: > 0 } ? "anonymous"
        : NeededPermission().Match((string?)operation["description"] ?? "") is { Success: true } match ? match.Groups[1].Value.Replace("`", "", StringComparison.Ordinal) + match.Groups[2].Value
        : "any caller";

    [GeneratedRegex("Needs the permission (`[^`]+`(?: or `[^`]+`)*)([^.]*)")]
    private static partial Regex NeededPermission();
}
