using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

/// <summary>
/// The identity provider's slugs of tenants. Those that it reported so far were stored as our own, which are kept when they change there: the next
/// event or sync corrects the copies.
/// </summary>
[Migration(80, "the identity provider's slugs of tenants")]
public sealed class M0080TenantIssuerSlugs : ForwardOnlyMigration
{
    public override void Up()
    {
        Alter.Table("tenants").AddColumn("external_slug").AsAscii(255).Nullable();
        Execute.Sql("UPDATE tenants SET external_slug = slug WHERE external_id IS NOT NULL AND external_slug IS NULL");
        Create.Index("ux_tenants_external_slug").OnTable("tenants").OnColumn("external_slug").Unique();
    }
}
