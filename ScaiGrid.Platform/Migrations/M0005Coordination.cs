using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

/// <summary>The snapshot's revision, rows that serve as locks, and leases.</summary>
[Migration(5, "coordination")]
public sealed class M0005Coordination : ForwardOnlyMigration
{
    public override void Up()
    {
        Create.Table("snapshot_revision")
            .WithColumn("id").AsInt32().PrimaryKey()
            .WithColumn("revision").AsInt64().NotNullable();
        Create.Table("work_locks")
            .WithColumn("name").AsAscii(100).PrimaryKey();
        Create.Table("leases")
            .WithColumn("name").AsAscii(40).PrimaryKey()
            .WithColumn("owner").AsAscii(100).NotNullable()
            .WithColumn("expires_at").AsTimestamp().NotNullable();
    }
}

/// <summary>A migration of its own, because it writes a row; see <see cref="MariaDbGenerator"/>.</summary>
[Migration(6, "first snapshot revision")]
public sealed class M0006FirstRevision : ForwardOnlyMigration
{
    public override void Up() =>
        Insert.IntoTable("snapshot_revision").Row(new { id = SnapshotRevision.RowId, revision = 1L });
}
