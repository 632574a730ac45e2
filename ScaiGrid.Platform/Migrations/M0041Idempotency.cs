using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

/// <summary>Idempotency keys and their stored responses.</summary>
[Migration(41, "idempotency keys")]
public sealed class M0041Idempotency : ForwardOnlyMigration
{
    public override void Up()
    {
        Create.Table("idempotency_keys")
            .WithColumn("id").AsAscii(64).PrimaryKey()
            .WithColumn("fingerprint").AsAscii(64).NotNullable()
            .WithColumn("owner").AsId().NotNullable()
            .WithColumn("state").AsAscii(20).NotNullable()
            .WithColumn("claimed_until").AsTimestamp().NotNullable()
            .WithColumn("expires_at").AsTimestamp().NotNullable()
            .WithColumn("answer").AsLongText().Nullable();
        Create.Index("ix_idempotency_keys_expires").OnTable("idempotency_keys").OnColumn("expires_at");
    }
}
