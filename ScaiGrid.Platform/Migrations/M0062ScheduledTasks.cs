using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

/// <summary>The declared scheduled tasks, and their last runs.</summary>
[Migration(62, "scheduled tasks")]
public sealed class M0062ScheduledTasks : ForwardOnlyMigration
{
    public override void Up() =>
        Create.Table("scheduled_tasks")
            .WithColumn("name").AsAscii(128).PrimaryKey()
            .WithColumn("interval_ms").AsInt64().NotNullable()
            .WithColumn("declared_at").AsTimestamp().NotNullable()
            .WithColumn("last_started_at").AsTimestamp().Nullable()
            .WithColumn("last_duration_ms").AsInt64().Nullable()
            .WithColumn("last_outcome").AsAscii(20).Nullable()
            .WithColumn("last_error").AsText(1000).Nullable()
            .WithColumn("last_ok_at").AsTimestamp().Nullable()
            .WithColumn("worker").AsAscii(128).Nullable();
}
