using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

/// <summary>Stored conversations: of a user with a model (sessions), and of several users (rooms).</summary>
[Migration(64, "sessions and rooms")]
public sealed class M0064Sessions : ForwardOnlyMigration
{
    public override void Up()
    {
        Create.Table("chat_sessions")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("tenant_id").AsId().NotNullable()
            .WithColumn("user_id").AsId().NotNullable()
            .WithColumn("model").AsText(200).NotNullable()
            .WithColumn("title").AsText(500).Nullable()
            .WithColumn("system_prompt").AsLongText().Nullable()
            .WithColumn("metadata").AsJson().NotNullable()
            .WithColumn("created_at").AsTimestamp().NotNullable()
            .WithColumn("updated_at").AsTimestamp().NotNullable();
        Create.Index("ix_chat_sessions_user").OnTable("chat_sessions").OnColumn("tenant_id").Ascending().OnColumn("user_id").Ascending().OnColumn("id").Ascending();

        Create.Table("rooms")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("tenant_id").AsId().NotNullable()
            .WithColumn("name").AsText(200).NotNullable()
            .WithColumn("system_prompt").AsLongText().Nullable()
            .WithColumn("metadata").AsJson().NotNullable()
            .WithColumn("created_by").AsId().NotNullable()
            .WithColumn("created_at").AsTimestamp().NotNullable()
            .WithColumn("updated_at").AsTimestamp().NotNullable();
        Create.Index("ix_rooms_tenant").OnTable("rooms").OnColumn("tenant_id").Ascending().OnColumn("id").Ascending();

        Create.Table("room_members")
            .WithColumn("room_id").AsId().PrimaryKey()
            .WithColumn("type").AsAscii(20).PrimaryKey()
            .WithColumn("member").AsText(200).PrimaryKey()
            .WithColumn("role").AsAscii(20).NotNullable()
            .WithColumn("created_at").AsTimestamp().NotNullable();
        Create.Index("ix_room_members_member").OnTable("room_members").OnColumn("member").Ascending().OnColumn("room_id").Ascending();

        Create.Table("messages")
            .WithColumn("id").AsId().PrimaryKey()
            .WithColumn("conversation_id").AsId().NotNullable()
            .WithColumn("tenant_id").AsId().NotNullable()
            .WithColumn("role").AsAscii(20).NotNullable()
            .WithColumn("author").AsText(200).NotNullable()
            .WithColumn("content").AsLongText().NotNullable()
            .WithColumn("is_complete").AsBoolean().NotNullable()
            .WithColumn("created_at").AsTimestamp().NotNullable();
        Create.Index("ix_messages_conversation").OnTable("messages").OnColumn("conversation_id").Ascending().OnColumn("id").Ascending();
    }
}
