using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

[Migration(4, "accounting")]
public sealed class M0004Accounting : ForwardOnlyMigration
{
    public override void Up()
    {
        CreateUsageRecords();
        CreateUsageHours();
    }

    private void CreateUsageRecords()
    {
        Create.Table("usage_records")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("request_id").AsAscii(128).NotNullable()
            .WithColumn("created_at").AsTimestamp().NotNullable()
            .WithColumn("tenant_id").AsId().NotNullable()
            .WithColumn("partner_id").AsId().NotNullable()
            .WithColumn("user_id").AsId().NotNullable()
            .WithColumn("api_key_id").AsId().Nullable()
            .WithColumn("model_id").AsId().NotNullable()
            .WithColumn("model").AsText(200).NotNullable()
            .WithColumn("backend_id").AsId().NotNullable()
            .WithColumn("protocol").AsAscii(50).NotNullable()
            .WithColumn("status").AsAscii(50).NotNullable()
            .WithColumn("tokens_in").AsInt64().NotNullable()
            .WithColumn("tokens_out").AsInt64().NotNullable()
            .WithColumn("cached_tokens").AsInt64().NotNullable()
            .WithColumn("reasoning_tokens").AsInt64().NotNullable()
            .WithColumn("cost").AsNanos().NotNullable()
            .WithColumn("backend_cost").AsNanos().NotNullable()
            .WithColumn("latency_ms").AsInt32().NotNullable()
            .WithColumn("time_to_first_token_ms").AsInt32().Nullable()
            .WithColumn("estimated").AsBoolean().NotNullable();
        Create.Index("ix_usage_records_tenant").OnTable("usage_records").OnColumn("tenant_id").Ascending().OnColumn("id").Ascending();
        Create.Index("ix_usage_records_tenant_time").OnTable("usage_records").OnColumn("tenant_id").Ascending().OnColumn("created_at").Ascending();
        Create.Index("ix_usage_records_partner").OnTable("usage_records").OnColumn("partner_id").Ascending().OnColumn("id").Ascending();
        Create.Index("ix_usage_records_user").OnTable("usage_records").OnColumn("user_id").Ascending().OnColumn("id").Ascending();
        Create.Index("ix_usage_records_request").OnTable("usage_records").OnColumn("request_id");
    }

    private void CreateUsageHours()
    {
        Create.Table("usage_hours")
            .WithColumn("tenant_id").AsId().PrimaryKey()
            .WithColumn("hour").AsTimestamp().PrimaryKey()
            .WithColumn("user_id").AsId().PrimaryKey()
            .WithColumn("model").AsText(200).PrimaryKey()
            .WithColumn("backend_id").AsId().PrimaryKey()
            .WithColumn("partner_id").AsId().NotNullable()
            .WithColumn("request_count").AsInt64().NotNullable()
            .WithColumn("input_tokens").AsInt64().NotNullable()
            .WithColumn("output_tokens").AsInt64().NotNullable()
            .WithColumn("cost").AsNanos().NotNullable()
            .WithColumn("backend_cost").AsNanos().NotNullable();
        Create.Index("ix_usage_hours_partner").OnTable("usage_hours").OnColumn("partner_id").Ascending().OnColumn("hour").Ascending();
    }
}
