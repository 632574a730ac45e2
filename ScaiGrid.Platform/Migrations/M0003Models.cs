using System.Data;
using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

[Migration(3, "models and routing")]
public sealed class M0003Models : ForwardOnlyMigration
{
    public override void Up()
    {
        CreateProviders();
        CreateBackends();
        CreateModels();
        CreateRouting();
    }

    private void CreateProviders()
    {
        Create.Table("providers")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("name").AsText(100).NotNullable()
            .WithColumn("type").AsAscii(50).NotNullable()
            .WithColumn("config").AsJson().NotNullable()
            .WithColumn("credentials").AsLongText().Nullable()
            .WithColumn("created_at").AsTimestamp().NotNullable()
            .WithColumn("updated_at").AsTimestamp().NotNullable();
        Create.Index("ux_providers_name").OnTable("providers").OnColumn("name").Unique();
    }

    private void CreateBackends()
    {
        Create.Table("backends")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("provider_id").AsId().NotNullable().ForeignKey("fk_backends_provider", "providers", "id")
            .WithColumn("name").AsText(200).NotNullable()
            .WithColumn("model").AsText(200).NotNullable()
            .WithColumn("uri").AsText(500).NotNullable()
            .WithColumn("connection_config").AsJson().NotNullable()
            .WithColumn("credentials").AsLongText().Nullable()
            .WithColumn("capabilities").AsJson().NotNullable()
            .WithColumn("input_price_per_mtok").AsNanos().NotNullable()
            .WithColumn("output_price_per_mtok").AsNanos().NotNullable()
            .WithColumn("status").AsAscii(20).NotNullable()
            .WithColumn("created_at").AsTimestamp().NotNullable()
            .WithColumn("updated_at").AsTimestamp().NotNullable();
        Create.Index("ix_backends_provider").OnTable("backends").OnColumn("provider_id");
    }

    private void CreateModels()
    {
        Create.Table("models")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("slug").AsText(200).NotNullable()
            .WithColumn("partner_id").AsId().Nullable().ForeignKey("fk_models_partner", "partners", "id")
            .WithColumn("tenant_id").AsId().Nullable().ForeignKey("fk_models_tenant", "tenants", "id")
            .WithColumn("display_name").AsText(200).NotNullable()
            .WithColumn("description").AsLongText().NotNullable()
            .WithColumn("modality").AsAscii(20).NotNullable()
            .WithColumn("capabilities").AsJson().NotNullable()
            .WithColumn("context_window").AsInt32().NotNullable()
            .WithColumn("max_output_tokens").AsInt32().Nullable()
            .WithColumn("input_price_per_mtok").AsNanos().NotNullable()
            .WithColumn("output_price_per_mtok").AsNanos().NotNullable()
            .WithColumn("default_params").AsJson().NotNullable()
            .WithColumn("system_prompt_template").AsLongText().Nullable()
            .WithColumn("status").AsAscii(20).NotNullable()
            .WithColumn("metadata").AsJson().NotNullable()
            .WithColumn("created_at").AsTimestamp().NotNullable()
            .WithColumn("updated_at").AsTimestamp().NotNullable();
        Create.Index("ux_models_slug").OnTable("models").OnColumn("slug").Unique();
        Create.Index("ix_models_partner").OnTable("models").OnColumn("partner_id");
        Create.Index("ix_models_tenant").OnTable("models").OnColumn("tenant_id");
    }

    private void CreateRouting()
    {
        Create.Table("routing_policies")
            .WithColumn("model_id").AsId().PrimaryKey().ForeignKey("fk_routing_policies_model", "models", "id").OnDelete(Rule.Cascade)
            .WithColumn("strategy").AsAscii(50).NotNullable()
            .WithColumn("retry").AsJson().Nullable()
            .WithColumn("updated_at").AsTimestamp().NotNullable();

        Create.Table("routing_targets")
            .WithColumn("model_id").AsId().PrimaryKey().ForeignKey("fk_routing_targets_model", "models", "id").OnDelete(Rule.Cascade)
            .WithColumn("backend_id").AsId().PrimaryKey().ForeignKey("fk_routing_targets_backend", "backends", "id").OnDelete(Rule.Cascade)
            .WithColumn("weight").AsInt32().NotNullable()
            .WithColumn("priority").AsInt32().NotNullable();
        Create.Index("ix_routing_targets_backend").OnTable("routing_targets").OnColumn("backend_id");
    }
}
