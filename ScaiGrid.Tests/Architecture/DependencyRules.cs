using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Xunit;

namespace ScaiGrid.Tests.Architecture;

/// <summary>Allowed dependencies between projects, assemblies and packages.</summary>
public sealed partial class DependencyRules
{
    private static readonly string[] Serving = ["ScaiGrid.ServiceDefaults", "ScaiGrid.Modules"];

    /// <summary>
    /// References go in one direction only: hosts, Modules, Modules.X, Platform, Inference, Core. The BunkerProxy references only the storage library.
    /// </summary>
    private static readonly Dictionary<string, string[]> MayReference = new()
    {
        ["ScaiGrid.Core"] = [],
        ["ScaiGrid.ServiceDefaults"] = [],
        ["ScaiGrid.Inference"] = ["ScaiGrid.Core"],
        ["ScaiGrid.Platform"] = ["ScaiGrid.Inference"],
        ["ScaiGrid.Modules.Bunker.Storage"] = ["ScaiGrid.Core"],
        ["ScaiGrid.Modules.Bunker"] = ["ScaiGrid.Platform", "ScaiGrid.Modules.Bunker.Storage"],
        ["ScaiGrid.Modules"] = ["ScaiGrid.Modules.Bunker"],
        ["ScaiGrid.Api"] = Serving,
        ["ScaiGrid.Grpc"] = Serving,
        ["ScaiGrid.Worker"] = Serving,
        ["ScaiGrid.Migrator"] = Serving,
        ["ScaiGrid.BunkerProxy"] = ["ScaiGrid.ServiceDefaults", "ScaiGrid.Modules.Bunker.Storage"],
        ["ScaiGrid.AppHost"] = [],
        ["ScaiGrid.DevIdentity"] = ["ScaiGrid.ServiceDefaults"],
    };

    /// <summary>Packages that are restricted to certain projects, by the start of their name.</summary>
    private static readonly Dictionary<string, string[]> Homes = new()
    {
        ["AWSSDK."] = ["ScaiGrid.Core"],
        ["FluentMigrator"] = ["ScaiGrid.Platform"],
        ["Grpc."] = ["ScaiGrid.Grpc"],
        ["Microsoft.EntityFrameworkCore"] = ["ScaiGrid.Platform"],
        ["Microsoft.Garnet"] = ["ScaiGrid.AppHost"],
        ["Microsoft.IdentityModel"] = ["ScaiGrid.Platform", "ScaiGrid.AppHost"],
        ["Microsoft.ML.Tokenizers"] = ["ScaiGrid.Inference"],
        ["MySqlConnector"] = ["ScaiGrid.Core"],
        ["OpenIddict"] = ["ScaiGrid.DevIdentity"],
        ["OpenTelemetry"] = ["ScaiGrid.ServiceDefaults"],
        ["Pomelo."] = ["ScaiGrid.Platform"],
        ["Quartz"] = ["ScaiGrid.Platform"],
        ["Scalar."] = ["ScaiGrid.Api"],
        ["StackExchange.Redis"] = ["ScaiGrid.Core", "ScaiGrid.AppHost"],
    };

    private static readonly string[] ControlPlane = ["EntityFrameworkCore", "Pomelo", "Quartz", "FluentMigrator"];

    private static IEnumerable<(string Name, XDocument Document)> Projects =>
        SourceTree.Files(".csproj").Select(path => (Path.GetFileNameWithoutExtension(path), XDocument.Parse(SourceTree.Read(path))));

    // Tests and benchmarks may reference everything.
    private static IEnumerable<(string Name, XDocument Document)> ProductProjects =>
        Projects.Where(project => project.Name is not ("ScaiGrid.Tests" or "ScaiGrid.Benchmarks"));

    [Fact]
    public void Projects_ReferenceOnlyWhatLiesBelow() => Breaches.None(
        from project in ProductProjects
        from reference in project.Document.Descendants("ProjectReference")
        where (string?)reference.Attribute("ReferenceOutputAssembly") != "false"
        let target = Path.GetFileNameWithoutExtension(((string)reference.Attribute("Include")!).Replace('\\', '/'))
        where !MayReference.GetValueOrDefault(project.Name, []).Contains(target)
        select $"{project.Name} references {target}");

    [Fact]
    public void Projects_AreInTheTable_AndInTheSolution()
    {
        var solution = SourceTree.Read("ScaiGrid.sln");

        Assert.Equal(MayReference.Keys.Order(StringComparer.Ordinal), ProductProjects.Select(project => project.Name).Order(StringComparer.Ordinal));
        Breaches.None(Projects.Where(project => !solution.Contains($"{project.Name}.csproj", StringComparison.Ordinal)).Select(project => project.Name));
    }

    [Fact]
    public void Assemblies_ReferenceOnlyWhatLiesBelow() => Breaches.None(
        from assembly in Product.Assemblies
        let name = assembly.GetName().Name!
        from reference in assembly.GetReferencedAssemblies()
        where reference.Name!.StartsWith("ScaiGrid.", StringComparison.Ordinal) && !Below(name).Contains(reference.Name)
        select $"{name} references {reference.Name}");

    [Fact]
    public void Packages_StayInTheirLayer() => Breaches.None(
        from project in ProductProjects
        from reference in project.Document.Descendants("PackageReference")
        let package = (string)reference.Attribute("Include")!
        let home = Homes.FirstOrDefault(entry => package.StartsWith(entry.Key, StringComparison.Ordinal)).Value
        where home?.Contains(project.Name) == false
        select $"{project.Name} references {package}");

    [Fact]
    public void PackageVersions_AreInOneFile() => Breaches.None(
        from project in Projects
        from reference in project.Document.Descendants("PackageReference")
        where reference.Attribute("Version") is not null || reference.Attribute("VersionOverride") is not null
        select $"{project.Name}: {reference}");

    [Theory]
    [InlineData("ScaiGrid.Core")]
    [InlineData("ScaiGrid.Inference", "AWSSDK", "MySqlConnector")]
    [InlineData("ScaiGrid.ServiceDefaults", "AWSSDK", "MySqlConnector", "StackExchange.Redis")]
    [InlineData("ScaiGrid.Modules.Bunker.Storage", "MySqlConnector", "StackExchange.Redis")]
    [InlineData("ScaiGrid.BunkerProxy", "MySqlConnector", "StackExchange.Redis")]
    public void Assembly_KnowsNothingOfTheControlPlane(string name, params string[] more) => Breaches.None(
        from reference in Product.Find(name).GetReferencedAssemblies()
        where ControlPlane.Concat(more).Any(unwanted => reference.Name!.Contains(unwanted, StringComparison.Ordinal))
        select reference.Name);

    [Fact]
    public void BunkerProxy_ShipsWithoutEntityFrameworkAndQuartz()
    {
        var path = Path.Combine(AppContext.BaseDirectory, "ScaiGrid.BunkerProxy.deps.json");
        var libraries = JsonNode.Parse(File.ReadAllText(path))!["libraries"]!.AsObject().Select(library => library.Key).ToList();

        Assert.Contains(libraries, library => library.StartsWith("ScaiGrid.Core/", StringComparison.Ordinal));
        Assert.DoesNotContain(libraries, library => new[] { "EntityFrameworkCore", "Pomelo", "Quartz", "Sqlite", "ScaiGrid.Platform", "ScaiGrid.Inference" }
            .Any(unwanted => library.Contains(unwanted, StringComparison.OrdinalIgnoreCase)));
    }

    [Fact]
    public void Core_MapsNoEndpoints() => Breaches.None(
        SourceTree.Files(".cs").Where(path => path.StartsWith("ScaiGrid.Core/", StringComparison.Ordinal) && MapCall().IsMatch(SourceTree.Read(path))));

    private static HashSet<string> Below(string name) =>
        [.. MayReference.GetValueOrDefault(name, []).SelectMany(next => Below(next).Prepend(next))];

    [GeneratedRegex(@"\.Map(Get|Post|Put|Delete|Patch|Methods)\(")]
    private static partial Regex MapCall();
}
