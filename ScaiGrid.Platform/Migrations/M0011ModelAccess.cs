using System.Data;
using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

/// <summary>Tenants' access to models, groups of models, the announced end of models, and models' pictures.</summary>
[Migration(11, "model access")]
public sealed class M0011ModelAccess : ForwardOnlyMigration
{
    public override void Up()
    {
        Alter.Table("models")
            .AddColumn("default_access").AsAscii(20).NotNullable().WithDefaultValue("allow")
            .AddColumn("deprecated_at").AsTimestamp().Nullable()
            .AddColumn("sunset_at").AsTimestamp().Nullable();

        Create.Table("model_groups")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("name").AsText(100).NotNullable()
            .WithColumn("description").AsLongText().NotNullable()
            .WithColumn("created_at").AsTimestamp().NotNullable()
            .WithColumn("updated_at").AsTimestamp().NotNullable();
        Create.Index("ux_model_groups_name").OnTable("model_groups").OnColumn("name").Unique();

        Create.Table("model_group_members")
            .WithColumn("group_id").AsId().PrimaryKey().ForeignKey("fk_model_group_members_group", "model_groups", "id").OnDelete(Rule.Cascade)
            .WithColumn("model_id").AsId().PrimaryKey().ForeignKey("fk_model_group_members_model", "models", "id").OnDelete(Rule.Cascade);
        Create.Index("ix_model_group_members_model").OnTable("model_group_members").OnColumn("model_id");

        Create.Table("model_access")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("tenant_id").AsId().NotNullable().ForeignKey("fk_model_access_tenant", "tenants", "id").OnDelete(Rule.Cascade)
            .WithColumn("model_id").AsId().Nullable().ForeignKey("fk_model_access_model", "models", "id").OnDelete(Rule.Cascade)
            .WithColumn("group_id").AsId().Nullable().ForeignKey("fk_model_access_group", "model_groups", "id").OnDelete(Rule.Cascade)
            .WithColumn("access").AsAscii(20).NotNullable()
            .WithColumn("created_at").AsTimestamp().NotNullable();
        Create.Index("ux_model_access_model").OnTable("model_access").OnColumn("tenant_id").Ascending().OnColumn("model_id").Unique();
        Create.Index("ux_model_access_group").OnTable("model_access").OnColumn("tenant_id").Ascending().OnColumn("group_id").Unique();
        Create.Index("ix_model_access_model").OnTable("model_access").OnColumn("model_id");
        Create.Index("ix_model_access_group").OnTable("model_access").OnColumn("group_id");

        Create.Table("model_avatars")
            .WithColumn("model_id").AsId().PrimaryKey().ForeignKey("fk_model_avatars_model", "models", "id").OnDelete(Rule.Cascade)
            .WithColumn("content_type").AsAscii(64).NotNullable()
            .WithColumn("content").AsLongText().NotNullable()
            .WithColumn("hash").AsAscii(64).NotNullable()
            .WithColumn("updated_at").AsTimestamp().NotNullable();
    }
}
