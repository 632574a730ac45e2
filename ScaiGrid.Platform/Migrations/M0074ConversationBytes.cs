using FluentMigrator;

namespace ScaiGrid.Platform.Migrations;

/// <summary>Adds to sessions and rooms what they take with their messages, and an index that answers what a tenant's take together.</summary>
[Migration(74, "bytes of conversations")]
public sealed class M0074ConversationBytes : ForwardOnlyMigration
{
    public override void Up()
    {
        foreach (var table in (string[])["chat_sessions", "rooms"])
        {
            Alter.Table(table).AddColumn("bytes").AsInt64().NotNullable().WithDefaultValue(0L);
            Create.Index($"ix_{table}_bytes").OnTable(table).OnColumn("tenant_id").Ascending().OnColumn("bytes").Ascending();
        }
    }
}

/// <summary>Counts what conversations take so far.</summary>
[Migration(75, "bytes of conversations so far")]
public sealed class M0075ConversationBytesSoFar : ForwardOnlyMigration
{
    public override void Up()
    {
        foreach (var table in (string[])["chat_sessions", "rooms"])
        {
            Execute.Sql(
                $"""
                UPDATE {table} SET bytes = 200 + LENGTH(COALESCE(system_prompt, '')) + LENGTH(metadata)
                    + COALESCE((SELECT SUM(200 + LENGTH(content)) FROM messages WHERE conversation_id = {table}.id), 0)
                """);
        }
    }
}
