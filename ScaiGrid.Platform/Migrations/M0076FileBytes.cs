using FluentMigrator;

namespace ScaiGrid.Platform.Migrations;

/// <summary>An index that answers how many files a tenant has and how large they are together, without reading the files' rows.</summary>
[Migration(76, "bytes of a tenant's files")]
public sealed class M0076FileBytes : ForwardOnlyMigration
{
    public override void Up() => Create.Index("ix_files_bytes").OnTable("files").OnColumn("tenant_id").Ascending().OnColumn("bytes").Ascending();
}
