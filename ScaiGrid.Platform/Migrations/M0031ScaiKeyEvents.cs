using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

/// <summary>The received events of ScaiKey, and the time of the latest known state of each resource.</summary>
[Migration(31, "ScaiKey's events")]
public sealed class M0031ScaiKeyEvents : ForwardOnlyMigration
{
    public override void Up()
    {
        Create.Table("scaikey_events")
            .WithColumn("event_id").AsAscii(128).PrimaryKey()
            .WithColumn("received_at").AsTimestamp().NotNullable();
        Create.Index("ix_scaikey_events_received").OnTable("scaikey_events").OnColumn("received_at");

        Create.Table("scaikey_resources")
            .WithColumn("type").AsAscii(64).PrimaryKey()
            .WithColumn("external_id").AsAscii(255).PrimaryKey()
            .WithColumn("told_at").AsTimestamp().NotNullable();
    }
}
