using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

/// <summary>Queued work, see <see cref="Jobs.Job"/>.</summary>
[Migration(60, "jobs")]
public sealed class M0060Jobs : ForwardOnlyMigration
{
    public override void Up()
    {
        Create.Table("jobs")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("queue").AsAscii(40).NotNullable()
            .WithColumn("lane").AsAscii(64).NotNullable()
            .WithColumn("state").AsAscii(20).NotNullable()
            .WithColumn("run_at").AsTimestamp().NotNullable()
            .WithColumn("attempts").AsInt32().NotNullable()
            .WithColumn("lease").AsAscii(64).Nullable()
            .WithColumn("tenant_id").AsId().Nullable()
            .WithColumn("partner_id").AsId().Nullable()
            .WithColumn("payload").AsJson().NotNullable()
            .WithColumn("error").AsText(1000).Nullable()
            .WithColumn("created_at").AsTimestamp().NotNullable();

        // Due jobs are found lane by lane, without reading a lane's backlog.
        Create.Index("ix_jobs_due").OnTable("jobs")
            .OnColumn("state").Ascending().OnColumn("queue").Ascending().OnColumn("lane").Ascending().OnColumn("run_at").Ascending();
        Create.Index("ix_jobs_tenant").OnTable("jobs").OnColumn("tenant_id").Ascending().OnColumn("id").Ascending();
        Create.Index("ix_jobs_partner").OnTable("jobs").OnColumn("partner_id").Ascending().OnColumn("id").Ascending();
    }
}
