using System.Data;
using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

/// <summary>Groups and their roles, custom roles, and direct grants to users and keys.</summary>
[Migration(21, "grants")]
public sealed class M0021Grants : ForwardOnlyMigration
{
    public override void Up()
    {
        CreateGroups();
        CreateRoles();

        Create.Table("user_module_permissions")
            .WithColumn("user_id").AsId().PrimaryKey().ForeignKey("fk_user_module_permissions_user", "users", "id").OnDelete(Rule.Cascade)
            .WithColumn("permission").AsAscii(128).PrimaryKey();

        Alter.Table("api_keys").AddColumn("scopes").AsJson().Nullable();
        Alter.Table("api_keys").AddColumn("last_used_at").AsTimestamp().Nullable();
    }

    // "groups" is a reserved word in some databases.
    private void CreateGroups()
    {
        Create.Table("user_groups")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("tenant_id").AsId().NotNullable().ForeignKey("fk_user_groups_tenant", "tenants", "id")
            .WithColumn("external_id").AsAscii(255).Nullable()
            .WithColumn("name").AsText(200).NotNullable()
            .WithColumn("created_at").AsTimestamp().NotNullable()
            .WithColumn("updated_at").AsTimestamp().NotNullable();
        Create.Index("ux_user_groups_external").OnTable("user_groups").OnColumn("tenant_id").Ascending().OnColumn("external_id").Unique();
        Create.Index("ix_user_groups_tenant").OnTable("user_groups").OnColumn("tenant_id").Ascending().OnColumn("id").Ascending();

        Create.Table("user_group_members")
            .WithColumn("user_id").AsId().PrimaryKey().ForeignKey("fk_user_group_members_user", "users", "id").OnDelete(Rule.Cascade)
            .WithColumn("group_id").AsId().PrimaryKey().ForeignKey("fk_user_group_members_group", "user_groups", "id").OnDelete(Rule.Cascade);
        Create.Index("ix_user_group_members_group").OnTable("user_group_members").OnColumn("group_id");

        Create.Table("user_group_children")
            .WithColumn("group_id").AsId().PrimaryKey().ForeignKey("fk_user_group_children_group", "user_groups", "id").OnDelete(Rule.Cascade)
            .WithColumn("child_id").AsId().PrimaryKey().ForeignKey("fk_user_group_children_child", "user_groups", "id").OnDelete(Rule.Cascade);
        Create.Index("ix_user_group_children_child").OnTable("user_group_children").OnColumn("child_id");

        Create.Table("role_mappings")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("tenant_id").AsId().NotNullable()
            .WithColumn("group_id").AsId().NotNullable().ForeignKey("fk_role_mappings_group", "user_groups", "id").OnDelete(Rule.Cascade)
            .WithColumn("role").AsAscii(100).NotNullable()
            .WithColumn("auto_revoke").AsBoolean().NotNullable()
            .WithColumn("created_at").AsTimestamp().NotNullable()
            .WithColumn("created_by").AsId().NotNullable();
        Create.Index("ux_role_mappings_group").OnTable("role_mappings").OnColumn("group_id").Ascending().OnColumn("role").Unique();
        Create.Index("ix_role_mappings_tenant").OnTable("role_mappings").OnColumn("tenant_id").Ascending().OnColumn("id").Ascending();
    }

    private void CreateRoles()
    {
        Create.Table("custom_roles")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("tenant_id").AsId().NotNullable().ForeignKey("fk_custom_roles_tenant", "tenants", "id")
            .WithColumn("slug").AsText(100).NotNullable()
            .WithColumn("name").AsText(200).NotNullable()
            .WithColumn("description").AsText(2000).NotNullable()
            .WithColumn("core_permissions").AsJson().NotNullable()
            .WithColumn("module_permissions").AsJson().NotNullable()
            .WithColumn("created_at").AsTimestamp().NotNullable()
            .WithColumn("updated_at").AsTimestamp().NotNullable();
        Create.Index("ux_custom_roles_slug").OnTable("custom_roles").OnColumn("tenant_id").Ascending().OnColumn("slug").Unique();
        Create.Index("ix_custom_roles_tenant").OnTable("custom_roles").OnColumn("tenant_id").Ascending().OnColumn("id").Ascending();

        Create.Table("user_custom_roles")
            .WithColumn("user_id").AsId().PrimaryKey().ForeignKey("fk_user_custom_roles_user", "users", "id").OnDelete(Rule.Cascade)
            .WithColumn("custom_role_id").AsId().PrimaryKey().ForeignKey("fk_user_custom_roles_role", "custom_roles", "id").OnDelete(Rule.Cascade);
        Create.Index("ix_user_custom_roles_role").OnTable("user_custom_roles").OnColumn("custom_role_id");
    }
}
