using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

/// <summary>Hourly and per-minute sums of the usage of groups' members.</summary>
[Migration(70, "usage of groups")]
public sealed class M0070UsageGroups : ForwardOnlyMigration
{
    public override void Up()
    {
        foreach (var (table, unit) in new[] { ("usage_group_hours", "hour"), ("usage_group_minutes", "minute") })
        {
            Create.Table(table)
                .WithColumn("tenant_id").AsId().PrimaryKey()
                .WithColumn("group_id").AsId().PrimaryKey()
                .WithColumn(unit).AsTimestamp().PrimaryKey()
                .WithColumn("partner_id").AsId().NotNullable()
                .WithColumn("request_count").AsInt64().NotNullable()
                .WithColumn("input_tokens").AsInt64().NotNullable()
                .WithColumn("output_tokens").AsInt64().NotNullable()
                .WithColumn("cost").AsNanos().NotNullable()
                .WithColumn("backend_cost").AsNanos().NotNullable();
            Create.Index($"ix_{table}_{unit}").OnTable(table).OnColumn(unit);
        }
    }
}
