using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

/// <summary>Files that callers upload, and batches of inference that read and write them.</summary>
[Migration(63, "files and batches")]
public sealed class M0063Files : ForwardOnlyMigration
{
    public override void Up()
    {
        Create.Table("files")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("tenant_id").AsId().NotNullable()
            .WithColumn("user_id").AsId().NotNullable()
            .WithColumn("filename").AsText(255).NotNullable()
            .WithColumn("purpose").AsText(50).NotNullable()
            .WithColumn("bytes").AsInt64().NotNullable()
            .WithColumn("blob_key").AsText(255).NotNullable()
            .WithColumn("created_at").AsTimestamp().NotNullable();
        Create.Index("ix_files_user").OnTable("files").OnColumn("tenant_id").Ascending().OnColumn("user_id").Ascending().OnColumn("id").Ascending();
        CreateBatches();
        Create.Table("batch_chunks")
            .WithColumn("batch_id").AsId().PrimaryKey()
            .WithColumn("number").AsInt32().PrimaryKey()
            .WithColumn("attempt").AsInt32().NotNullable()
            .WithColumn("completed").AsInt32().NotNullable()
            .WithColumn("failed").AsInt32().NotNullable();
    }

    private void CreateBatches()
    {
        Create.Table("batches")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("tenant_id").AsId().NotNullable()
            .WithColumn("partner_id").AsId().NotNullable()
            .WithColumn("user_id").AsId().NotNullable()
            .WithColumn("api_key_id").AsId().Nullable()
            .WithColumn("surface").AsAscii(20).NotNullable()
            .WithColumn("endpoint").AsText(100).Nullable()
            .WithColumn("completion_window").AsAscii(20).NotNullable()
            .WithColumn("price_percent").AsInt32().NotNullable()
            .WithColumn("status").AsAscii(20).NotNullable()
            .WithColumn("input_url").AsText(4000).Nullable()
            .WithColumn("input_file_id").AsId().Nullable()
            .WithColumn("output_file_id").AsId().Nullable()
            .WithColumn("error_file_id").AsId().Nullable()
            .WithColumn("total").AsInt32().NotNullable()
            .WithColumn("completed").AsInt32().NotNullable()
            .WithColumn("failed").AsInt32().NotNullable()
            .WithColumn("chunks").AsInt32().NotNullable()
            .WithColumn("chunks_done").AsInt32().NotNullable()
            .WithColumn("errors").AsJson().Nullable()
            .WithColumn("metadata").AsJson().NotNullable()
            .WithColumn("created_at").AsTimestamp().NotNullable()
            .WithColumn("expires_at").AsTimestamp().NotNullable()
            .WithColumn("in_progress_at").AsTimestamp().Nullable()
            .WithColumn("finalizing_at").AsTimestamp().Nullable()
            .WithColumn("cancelling_at").AsTimestamp().Nullable()
            .WithColumn("ended_at").AsTimestamp().Nullable();
        Create.Index("ix_batches_user").OnTable("batches").OnColumn("tenant_id").Ascending().OnColumn("user_id").Ascending().OnColumn("id").Ascending();
    }
}
