using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

[Migration(61, "webhooks")]
public sealed class M0061Webhooks : ForwardOnlyMigration
{
    public override void Up()
    {
        Create.Table("webhooks")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("tenant_id").AsId().NotNullable().ForeignKey("fk_webhooks_tenant", "tenants", "id")
            .WithColumn("partner_id").AsId().NotNullable()
            .WithColumn("url").AsText(2048).NotNullable()
            .WithColumn("events").AsJson().NotNullable()
            .WithColumn("secret").AsText(2000).NotNullable()
            .WithColumn("status").AsAscii(20).NotNullable()
            .WithColumn("max_retries").AsInt32().NotNullable()
            .WithColumn("consecutive_failures").AsInt32().NotNullable()
            .WithColumn("disabled_reason").AsText(500).Nullable()
            .WithColumn("created_by").AsId().NotNullable()
            .WithColumn("created_at").AsTimestamp().NotNullable()
            .WithColumn("updated_at").AsTimestamp().NotNullable();
        Create.Index("ix_webhooks_tenant").OnTable("webhooks").OnColumn("tenant_id").Ascending().OnColumn("id").Ascending();

        Create.Table("webhook_deliveries")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("webhook_id").AsId().NotNullable()
            .WithColumn("tenant_id").AsId().NotNullable()
            .WithColumn("event_id").AsId().NotNullable()
            .WithColumn("event_type").AsAscii(100).NotNullable()
            .WithColumn("body").AsJson().NotNullable()
            .WithColumn("status").AsAscii(20).NotNullable()
            .WithColumn("attempts").AsInt32().NotNullable()
            .WithColumn("status_code").AsInt32().Nullable()
            .WithColumn("duration_ms").AsInt32().Nullable()
            .WithColumn("error").AsText(500).Nullable()
            .WithColumn("next_attempt_at").AsTimestamp().Nullable()
            .WithColumn("completed_at").AsTimestamp().Nullable()
            .WithColumn("created_at").AsTimestamp().NotNullable();
        Create.Index("ix_webhook_deliveries_webhook").OnTable("webhook_deliveries").OnColumn("webhook_id").Ascending().OnColumn("id").Ascending();
        Create.Index("ix_webhook_deliveries_status").OnTable("webhook_deliveries")
            .OnColumn("webhook_id").Ascending().OnColumn("status").Ascending().OnColumn("id").Ascending();
    }
}
