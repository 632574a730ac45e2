using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

/// <summary>The audit log, and the end of each tenant's chain in it.</summary>
[Migration(40, "audit log")]
public sealed class M0040Audit : ForwardOnlyMigration
{
    public override void Up()
    {
        Create.Table("audit_log")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("tenant_id").AsId().NotNullable()
            .WithColumn("sequence").AsInt64().NotNullable()
            .WithColumn("partner_id").AsId().NotNullable()
            .WithColumn("created_at").AsTimestamp().NotNullable()
            .WithColumn("action").AsAscii(100).NotNullable()
            .WithColumn("actor_id").AsId().NotNullable()
            .WithColumn("actor_email").AsText(320).NotNullable()
            .WithColumn("actor_type").AsAscii(20).NotNullable()
            .WithColumn("resource_type").AsAscii(50).NotNullable()
            .WithColumn("resource_id").AsAscii(128).NotNullable()
            .WithColumn("ip_address").AsAscii(64).NotNullable()
            .WithColumn("user_agent").AsText(300).NotNullable()
            .WithColumn("status").AsAscii(20).NotNullable()
            .WithColumn("request_id").AsAscii(128).NotNullable()
            .WithColumn("changes").AsJson().NotNullable()
            .WithColumn("previous_hash").AsAscii(64).NotNullable()
            .WithColumn("hash").AsAscii(64).NotNullable();
        Create.Index("ux_audit_log_chain").OnTable("audit_log").OnColumn("tenant_id").Ascending().OnColumn("sequence").Ascending().WithOptions().Unique();
        Create.Index("ix_audit_log_partner").OnTable("audit_log").OnColumn("partner_id").Ascending().OnColumn("id").Ascending();
        CreateTenantIndex("tenant");

        // One index per filter, each in the list's order: a page of rare rows must not read millions of others.
        CreateTenantIndex("action", "action");
        CreateTenantIndex("actor", "actor_id");
        CreateTenantIndex("resource_id", "resource_id");
        CreateTenantIndex("status", "status");
        CreateTenantIndex("ip", "ip_address");

        Create.Table("audit_chains")
            .WithColumn("tenant_id").AsId().PrimaryKey()
            .WithColumn("sequence").AsInt64().NotNullable()
            .WithColumn("hash").AsAscii(64).NotNullable();
    }

    private void CreateTenantIndex(string name, params string[] columns)
    {
        var index = Create.Index($"ix_audit_log_{name}").OnTable("audit_log").OnColumn("tenant_id").Ascending();
        foreach (var column in columns)
        {
            index = index.OnColumn(column).Ascending();
        }

        index.OnColumn("id").Ascending();
    }
}
