using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

[Migration(50, "budgets and rate limits")]
public sealed class M0050Budgets : ForwardOnlyMigration
{
    public override void Up()
    {
        Create.Table("budgets")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("partner_id").AsId().NotNullable()
            .WithColumn("tenant_id").AsId().Nullable()
            .WithColumn("scope").AsAscii(20).NotNullable()
            .WithColumn("scope_id").AsId().NotNullable()
            .WithColumn("name").AsText(200).NotNullable()
            .WithColumn("period").AsAscii(20).NotNullable()
            .WithColumn("cost_limit").AsNanos().Nullable()
            .WithColumn("token_limit").AsInt64().Nullable()
            .WithColumn("request_limit").AsInt64().Nullable()
            .WithColumn("hard_action").AsAscii(20).NotNullable()
            .WithColumn("soft_limit_millionths").AsInt32().NotNullable()
            .WithColumn("managed_by").AsInt32().NotNullable()
            .WithColumn("created_by").AsId().NotNullable()
            .WithColumn("created_at").AsTimestamp().NotNullable()
            .WithColumn("updated_at").AsTimestamp().NotNullable();
        Create.Index("ix_budgets_tenant").OnTable("budgets").OnColumn("tenant_id").Ascending().OnColumn("id").Ascending();
        Create.Index("ix_budgets_partner").OnTable("budgets").OnColumn("partner_id").Ascending().OnColumn("id").Ascending();

        Create.Table("budget_marks")
            .WithColumn("budget_id").AsId().PrimaryKey().ForeignKey("fk_budget_marks_budget", "budgets", "id").OnDelete(System.Data.Rule.Cascade)
            .WithColumn("period_start").AsTimestamp().PrimaryKey()
            .WithColumn("kind").AsAscii(20).PrimaryKey()
            .WithColumn("created_at").AsTimestamp().NotNullable();

        Create.Table("rate_limits")
            .WithColumn("owner_id").AsId().PrimaryKey()
            .WithColumn("key_requests").AsInt32().Nullable()
            .WithColumn("key_tokens").AsInt64().Nullable()
            .WithColumn("user_requests").AsInt32().Nullable()
            .WithColumn("user_tokens").AsInt64().Nullable()
            .WithColumn("tenant_requests").AsInt32().Nullable()
            .WithColumn("tenant_tokens").AsInt64().Nullable()
            .WithColumn("partner_requests").AsInt32().Nullable()
            .WithColumn("partner_tokens").AsInt64().Nullable()
            .WithColumn("updated_at").AsTimestamp().NotNullable();
    }
}
