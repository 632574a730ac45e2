using FluentMigrator;

namespace ScaiGrid.Platform.Migrations;

/// <summary>Lets the sessions of a tenant be listed from an index, newest first.</summary>
[Migration(85, "sessions of a tenant")]
public sealed class M0085SessionsOfTenant : ForwardOnlyMigration
{
    public override void Up() =>
        Create.Index("ix_chat_sessions_tenant").OnTable("chat_sessions").OnColumn("tenant_id").Ascending().OnColumn("id").Ascending();
}
