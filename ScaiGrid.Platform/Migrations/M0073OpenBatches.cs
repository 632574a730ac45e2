using FluentMigrator;

namespace ScaiGrid.Platform.Migrations;

/// <summary>Lets the open batches of a tenant be counted in an index.</summary>
[Migration(73, "open batches of a tenant")]
public sealed class M0073OpenBatches : ForwardOnlyMigration
{
    public override void Up() =>
        Create.Index("ix_batches_open").OnTable("batches").OnColumn("tenant_id").Ascending().OnColumn("ended_at").Ascending();
}
