using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

/// <summary>Daily sums of usage, versions of prices, and the version that was charged for each call.</summary>
[Migration(51, "usage by day, versions of prices")]
public sealed class M0051UsageDays : ForwardOnlyMigration
{
    public override void Up()
    {
        Create.Table("usage_days")
            .WithColumn("tenant_id").AsId().PrimaryKey()
            .WithColumn("day").AsTimestamp().PrimaryKey()
            .WithColumn("user_id").AsId().PrimaryKey()
            .WithColumn("model").AsText(200).PrimaryKey()
            .WithColumn("backend_id").AsId().PrimaryKey()
            .WithColumn("partner_id").AsId().NotNullable()
            .WithColumn("request_count").AsInt64().NotNullable()
            .WithColumn("input_tokens").AsInt64().NotNullable()
            .WithColumn("output_tokens").AsInt64().NotNullable()
            .WithColumn("cost").AsNanos().NotNullable()
            .WithColumn("backend_cost").AsNanos().NotNullable();
        Create.Index("ix_usage_days_partner").OnTable("usage_days").OnColumn("partner_id").Ascending().OnColumn("day").Ascending();
        Create.Index("ix_usage_days_day").OnTable("usage_days").OnColumn("day");
        Create.Index("ix_usage_hours_hour").OnTable("usage_hours").OnColumn("hour");

        Alter.Table("usage_records").AddColumn("price_version").AsInt32().NotNullable().WithDefaultValue(1);
        Alter.Table("models").AddColumn("cached_input_price_per_mtok").AsNanos().Nullable();
        Alter.Table("models").AddColumn("price_version").AsInt32().NotNullable().WithDefaultValue(1);

        Create.Table("model_prices")
            .WithColumn("model_id").AsId().PrimaryKey()
            .WithColumn("version").AsInt32().PrimaryKey()
            .WithColumn("input_price_per_mtok").AsNanos().NotNullable()
            .WithColumn("output_price_per_mtok").AsNanos().NotNullable()
            .WithColumn("cached_input_price_per_mtok").AsNanos().Nullable()
            .WithColumn("valid_from").AsTimestamp().NotNullable();
    }
}

/// <summary>Fills both for existing data. A migration of its own, because it writes rows; see <see cref="MariaDbGenerator"/>.</summary>
[Migration(52, "days and prices so far")]
public sealed class M0052DaysSoFar : ForwardOnlyMigration
{
    public override void Up()
    {
        Execute.Sql(
            """
            INSERT INTO usage_days (tenant_id, day, user_id, model, backend_id, partner_id, request_count, input_tokens, output_tokens, cost, backend_cost)
            SELECT tenant_id, hour - hour % 86400000000, user_id, model, backend_id, MIN(partner_id),
                SUM(request_count), SUM(input_tokens), SUM(output_tokens), SUM(cost), SUM(backend_cost)
            FROM usage_hours GROUP BY tenant_id, hour - hour % 86400000000, user_id, model, backend_id
            """);
        Execute.Sql(
            """
            INSERT INTO model_prices (model_id, version, input_price_per_mtok, output_price_per_mtok, cached_input_price_per_mtok, valid_from)
            SELECT id, 1, input_price_per_mtok, output_price_per_mtok, NULL, created_at FROM models
            """);
    }
}
