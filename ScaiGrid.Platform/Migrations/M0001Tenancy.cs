using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

[Migration(1, "tenancy")]
public sealed class M0001Tenancy : ForwardOnlyMigration
{
    public override void Up()
    {
        Create.Table("partners")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("slug").AsText(100).NotNullable()
            .WithColumn("display_name").AsText(200).NotNullable()
            .WithColumn("created_at").AsTimestamp().NotNullable()
            .WithColumn("updated_at").AsTimestamp().NotNullable();
        Create.Index("ux_partners_slug").OnTable("partners").OnColumn("slug").Unique();

        Create.Table("tenants")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("partner_id").AsId().NotNullable().ForeignKey("fk_tenants_partner", "partners", "id")
            .WithColumn("slug").AsText(100).NotNullable()
            .WithColumn("display_name").AsText(200).NotNullable()
            .WithColumn("status").AsAscii(20).NotNullable()
            .WithColumn("settings").AsJson().NotNullable()
            .WithColumn("created_at").AsTimestamp().NotNullable()
            .WithColumn("updated_at").AsTimestamp().NotNullable();
        Create.Index("ux_tenants_slug").OnTable("tenants").OnColumn("slug").Unique();
        Create.Index("ix_tenants_partner").OnTable("tenants").OnColumn("partner_id");
    }
}
