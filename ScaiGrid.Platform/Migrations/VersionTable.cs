using FluentMigrator.Runner.VersionTableInfo;

namespace ScaiGrid.Platform.Migrations;

/// <summary>The columns of a stream's version table.</summary>
internal sealed class VersionTable(MigrationStream stream) : IVersionTableMetaData
{
    public const string Version = "version";

    public bool OwnsSchema => false;

    public string SchemaName => "";

    public string TableName => stream.VersionTable;

    public string ColumnName => Version;

    public string DescriptionColumnName => "description";

    public string AppliedOnColumnName => "applied_on";

    public string UniqueIndexName => $"ux_{stream.VersionTable}_version";

    /// <summary>Galera replicates only tables with a primary key.</summary>
    public bool CreateWithPrimaryKey => true;
}
