using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

/// <summary>The identity provider's ids of partners, tenants and users; and e-mail addresses that can be used again after their user is deleted.</summary>
[Migration(20, "external ids")]
public sealed class M0020ExternalIds : ForwardOnlyMigration
{
    public override void Up()
    {
        Alter.Table("partners").AddColumn("external_id").AsAscii(255).Nullable();
        Create.Index("ux_partners_external").OnTable("partners").OnColumn("external_id").Unique();

        Alter.Table("tenants").AddColumn("external_id").AsAscii(255).Nullable();
        Create.Index("ux_tenants_external").OnTable("tenants").OnColumn("external_id").Unique();

        Alter.Table("users").AddColumn("external_id").AsAscii(255).Nullable();
        Alter.Table("users").AddColumn("deleted_at").AsTimestamp().NotNullable().WithDefaultValue(0L);
        Create.Index("ux_users_tenant_external").OnTable("users").OnColumn("tenant_id").Ascending().OnColumn("external_id").Unique();

        // The new index first: the foreign key on tenants always needs an index that begins with tenant_id.
        Create.Index("ux_users_tenant_email_deleted").OnTable("users")
            .OnColumn("tenant_id").Ascending().OnColumn("email").Ascending().OnColumn("deleted_at").Unique();
        Delete.Index("ux_users_tenant_email").OnTable("users");
        Create.Index("ix_users_tenant").OnTable("users").OnColumn("tenant_id").Ascending().OnColumn("id").Ascending();
        Create.Index("ix_users_tenant_status").OnTable("users")
            .OnColumn("tenant_id").Ascending().OnColumn("status").Ascending().OnColumn("id").Ascending();
    }
}
