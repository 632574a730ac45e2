using FluentMigrator;

namespace ScaiGrid.Platform.Migrations;

/// <summary>
/// An index for each filter of the audit log over all tenants, and one for the type of a resource within a tenant: a page of rare rows must not read
/// the whole history.
/// </summary>
[Migration(81, "filters of the audit log")]
public sealed class M0081AuditFilters : ForwardOnlyMigration
{
    public override void Up()
    {
        foreach (var (name, column) in new[]
        {
            ("action", "action"), ("actor", "actor_id"), ("resource_id", "resource_id"), ("resource_type", "resource_type"), ("status", "status"), ("ip", "ip_address"),
        })
        {
            Create.Index($"ix_audit_log_all_{name}").OnTable("audit_log").OnColumn(column).Ascending().OnColumn("id").Ascending();
        }

        Create.Index("ix_audit_log_resource_type").OnTable("audit_log")
            .OnColumn("tenant_id").Ascending().OnColumn("resource_type").Ascending().OnColumn("id").Ascending();
    }
}
