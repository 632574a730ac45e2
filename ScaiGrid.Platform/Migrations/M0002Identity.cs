using System.Data;
using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

[Migration(2, "identity")]
public sealed class M0002Identity : ForwardOnlyMigration
{
    public override void Up()
    {
        Create.Table("users")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("tenant_id").AsId().NotNullable().ForeignKey("fk_users_tenant", "tenants", "id")
            .WithColumn("email").AsText(320).NotNullable()
            .WithColumn("display_name").AsText(200).NotNullable()
            .WithColumn("status").AsAscii(20).NotNullable()
            .WithColumn("created_at").AsTimestamp().NotNullable()
            .WithColumn("updated_at").AsTimestamp().NotNullable();
        Create.Index("ux_users_tenant_email").OnTable("users").OnColumn("tenant_id").Ascending().OnColumn("email").Unique();

        Create.Table("user_roles")
            .WithColumn("user_id").AsId().PrimaryKey().ForeignKey("fk_user_roles_user", "users", "id").OnDelete(Rule.Cascade)
            .WithColumn("role").AsAscii(100).PrimaryKey();

        Create.Table("api_keys")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("tenant_id").AsId().NotNullable()
            .WithColumn("user_id").AsId().NotNullable().ForeignKey("fk_api_keys_user", "users", "id")
            .WithColumn("name").AsText(200).NotNullable()
            .WithColumn("hash").AsAscii(64).NotNullable()
            .WithColumn("prefix").AsAscii(20).NotNullable()
            .WithColumn("expires_at").AsTimestamp().Nullable()
            .WithColumn("revoked_at").AsTimestamp().Nullable()
            .WithColumn("created_at").AsTimestamp().NotNullable()
            .WithColumn("created_by").AsId().NotNullable();
        Create.Index("ux_api_keys_hash").OnTable("api_keys").OnColumn("hash").Unique();
        Create.Index("ix_api_keys_tenant").OnTable("api_keys").OnColumn("tenant_id").Ascending().OnColumn("id").Ascending();
        Create.Index("ix_api_keys_user").OnTable("api_keys").OnColumn("user_id");
    }
}
