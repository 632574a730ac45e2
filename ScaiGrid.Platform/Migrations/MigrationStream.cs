using System.Reflection;
using FluentMigrator;

namespace ScaiGrid.Platform.Migrations;

/// <summary>One migration of a stream.</summary>
public sealed record MigrationStep(long Version, string Name);

/// <summary>The migrations of one owner (the core, or a module), with a version table of their own.</summary>
public sealed class MigrationStream
{
    public static readonly MigrationStream Core = new("core", "version_core", typeof(MigrationStream).Assembly, typeof(MigrationStream).Namespace);

    private MigrationStream(string name, string versionTable, Assembly assembly, string? @namespace)
    {
        Name = name;
        VersionTable = versionTable;
        Assembly = assembly;
        Namespace = @namespace;
        Steps =
        [
            .. from type in assembly.GetTypes()
               where !type.IsAbstract && typeof(IMigration).IsAssignableFrom(type) && (@namespace is null || type.Namespace == @namespace)
               let migration = type.GetCustomAttribute<MigrationAttribute>()
               where migration is not null
               orderby migration.Version
               select new MigrationStep(migration.Version, migration.Description ?? type.Name),
        ];
    }

    /// <summary><c>core</c>, or the module's id.</summary>
    public string Name { get; }

    /// <summary>The table with the applied versions.</summary>
    public string VersionTable { get; }

    public Assembly Assembly { get; }

    /// <summary>The namespace of the stream's migrations; null for all in the assembly.</summary>
    public string? Namespace { get; }

    /// <summary>Oldest first.</summary>
    public IReadOnlyList<MigrationStep> Steps { get; }

    public static MigrationStream ForModule(string id, Assembly assembly, string? @namespace = null) => new(id, $"version_mod_{id}", assembly, @namespace);
}
