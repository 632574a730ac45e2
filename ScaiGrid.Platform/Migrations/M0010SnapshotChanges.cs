using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

/// <summary>The changes of each snapshot revision, so that a replica need not read everything again.</summary>
[Migration(10, "snapshot changes")]
public sealed class M0010SnapshotChanges : ForwardOnlyMigration
{
    public override void Up() => Create.Table("snapshot_changes")
        .WithColumn("revision").AsInt64().PrimaryKey()
        .WithColumn("kind").AsAscii(64).PrimaryKey()
        .WithColumn("owner").AsAscii(64).PrimaryKey();
}
