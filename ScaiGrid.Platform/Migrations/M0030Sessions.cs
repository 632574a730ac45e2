using System.Data;
using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

[Migration(30, "sessions")]
public sealed class M0030Sessions : ForwardOnlyMigration
{
    public override void Up()
    {
        Create.Table("sessions")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("tenant_id").AsId().NotNullable()
            .WithColumn("user_id").AsId().NotNullable().ForeignKey("fk_sessions_user", "users", "id").OnDelete(Rule.Cascade)
            .WithColumn("refresh_hash").AsAscii(64).NotNullable()
            .WithColumn("created_at").AsTimestamp().NotNullable()
            .WithColumn("refreshed_at").AsTimestamp().NotNullable()
            .WithColumn("expires_at").AsTimestamp().NotNullable()
            .WithColumn("ended_at").AsTimestamp().Nullable()
            .WithColumn("end_reason").AsAscii(20).Nullable()
            .WithColumn("ip_address").AsAscii(45).Nullable()
            .WithColumn("user_agent").AsText(300).Nullable();
        Create.Index("ix_sessions_user").OnTable("sessions").OnColumn("user_id");
        Create.Index("ix_sessions_ended").OnTable("sessions").OnColumn("ended_at");
        Create.Index("ix_sessions_expires").OnTable("sessions").OnColumn("expires_at");

        // Sign-in begins with an e-mail address, in any tenant.
        Create.Index("ix_users_email").OnTable("users").OnColumn("email");
    }
}
