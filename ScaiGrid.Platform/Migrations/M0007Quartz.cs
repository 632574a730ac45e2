using FluentMigrator;
using FluentMigrator.Builders.Create.Table;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

/// <summary>
/// The tables of Quartz's job store (version 4.7, without its optional execution history), with the names and types that it expects.
/// No foreign keys: the store takes its own locks and deletes dependent rows itself.
/// </summary>
[Migration(7, "scheduler")]
public sealed class M0007Quartz : ForwardOnlyMigration
{
    public override void Up()
    {
        CreateJobs();
        CreateTriggers();
        CreateTriggerKinds();
        CreateState();
        CreateIndexes();
    }

    private void CreateJobs() => CreateTable("JOB_DETAILS")
        .WithColumn("JOB_NAME").AsAscii(200).PrimaryKey()
        .WithColumn("JOB_GROUP").AsAscii(200).PrimaryKey()
        .WithColumn("DESCRIPTION").AsText(250).Nullable()
        .WithColumn("JOB_CLASS_NAME").AsAscii(250).NotNullable()
        .WithColumn("IS_DURABLE").AsBoolean().NotNullable()
        .WithColumn("IS_NONCONCURRENT").AsBoolean().NotNullable()
        .WithColumn("IS_UPDATE_DATA").AsBoolean().NotNullable()
        .WithColumn("REQUESTS_RECOVERY").AsBoolean().NotNullable()
        .WithColumn("JOB_DATA").AsBinary(int.MaxValue).Nullable();

    private void CreateTriggers() => CreateTriggerTable("TRIGGERS")
        .WithColumn("JOB_NAME").AsAscii(200).NotNullable()
        .WithColumn("JOB_GROUP").AsAscii(200).NotNullable()
        .WithColumn("DESCRIPTION").AsText(250).Nullable()
        .WithColumn("NEXT_FIRE_TIME").AsInt64().Nullable()
        .WithColumn("PREV_FIRE_TIME").AsInt64().Nullable()
        .WithColumn("PRIORITY").AsInt32().Nullable()
        .WithColumn("TRIGGER_STATE").AsAscii(16).NotNullable()
        .WithColumn("TRIGGER_TYPE").AsAscii(8).NotNullable()
        .WithColumn("START_TIME").AsInt64().NotNullable()
        .WithColumn("END_TIME").AsInt64().Nullable()
        .WithColumn("CALENDAR_NAME").AsAscii(200).Nullable()
        .WithColumn("MISFIRE_INSTR").AsInt32().Nullable()
        .WithColumn("MISFIRE_ORIG_FIRE_TIME").AsInt64().Nullable()
        .WithColumn("EXECUTION_GROUP").AsAscii(200).Nullable()
        .WithColumn("PREFERRED_NODE").AsAscii(200).Nullable()
        .WithColumn("PREFERRED_NODE_AUTO").AsBoolean().NotNullable().WithDefaultValue(false)
        .WithColumn("RETRY_POLICY").AsAscii(250).Nullable()
        .WithColumn("RETRY_ATTEMPT").AsInt32().Nullable()
        .WithColumn("CONTINUES_TRIGGER_NAME").AsAscii(200).Nullable()
        .WithColumn("CONTINUES_TRIGGER_GROUP").AsAscii(200).Nullable()
        .WithColumn("CONTINUATION_CONDITION").AsInt32().Nullable()
        .WithColumn("OVERLAP_POLICY").AsInt32().Nullable()
        .WithColumn("PAUSE_REASON").AsText(250).Nullable()
        .WithColumn("PAUSED_BY").AsText(200).Nullable()
        .WithColumn("PAUSED_AT").AsInt64().Nullable()
        .WithColumn("MISFIRE_THRESHOLD").AsInt64().Nullable()
        .WithColumn("FIXED_DELAY").AsBoolean().Nullable()
        .WithColumn("JOB_DATA").AsBinary(int.MaxValue).Nullable();

    private void CreateTriggerKinds()
    {
        CreateTriggerTable("SIMPLE_TRIGGERS")
            .WithColumn("REPEAT_COUNT").AsInt64().NotNullable()
            .WithColumn("REPEAT_INTERVAL").AsInt64().NotNullable()
            .WithColumn("TIMES_TRIGGERED").AsInt64().NotNullable();

        CreateTriggerTable("CRON_TRIGGERS")
            .WithColumn("CRON_EXPRESSION").AsAscii(250).NotNullable()
            .WithColumn("TIME_ZONE_ID").AsAscii(80).Nullable();

        CreateTriggerTable("SIMPROP_TRIGGERS")
            .WithColumn("STR_PROP_1").AsText(512).Nullable()
            .WithColumn("STR_PROP_2").AsText(512).Nullable()
            .WithColumn("STR_PROP_3").AsText(512).Nullable()
            .WithColumn("INT_PROP_1").AsInt32().Nullable()
            .WithColumn("INT_PROP_2").AsInt32().Nullable()
            .WithColumn("LONG_PROP_1").AsInt64().Nullable()
            .WithColumn("LONG_PROP_2").AsInt64().Nullable()
            .WithColumn("DEC_PROP_1").AsDecimal(13, 4).Nullable()
            .WithColumn("DEC_PROP_2").AsDecimal(13, 4).Nullable()
            .WithColumn("BOOL_PROP_1").AsBoolean().Nullable()
            .WithColumn("BOOL_PROP_2").AsBoolean().Nullable()
            .WithColumn("TIME_ZONE_ID").AsAscii(80).Nullable();

        CreateTriggerTable("BLOB_TRIGGERS")
            .WithColumn("BLOB_DATA").AsBinary(int.MaxValue).Nullable();
    }

    private void CreateState()
    {
        CreateTable("CALENDARS")
            .WithColumn("CALENDAR_NAME").AsAscii(200).PrimaryKey()
            .WithColumn("CALENDAR").AsBinary(int.MaxValue).NotNullable();

        foreach (var (table, column) in new[] { ("PAUSED_TRIGGER_GRPS", "TRIGGER_GROUP"), ("PAUSED_JOB_GRPS", "JOB_GROUP") })
        {
            CreateTable(table)
                .WithColumn(column).AsAscii(200).PrimaryKey()
                .WithColumn("PAUSE_REASON").AsText(250).Nullable()
                .WithColumn("PAUSED_BY").AsText(200).Nullable()
                .WithColumn("PAUSED_AT").AsInt64().Nullable();
        }

        CreateTable("FIRED_TRIGGERS")
            .WithColumn("ENTRY_ID").AsAscii(140).PrimaryKey()
            .WithColumn("TRIGGER_NAME").AsAscii(200).NotNullable()
            .WithColumn("TRIGGER_GROUP").AsAscii(200).NotNullable()
            .WithColumn("INSTANCE_NAME").AsAscii(200).NotNullable()
            .WithColumn("FIRED_TIME").AsInt64().NotNullable()
            .WithColumn("SCHED_TIME").AsInt64().NotNullable()
            .WithColumn("PRIORITY").AsInt32().NotNullable()
            .WithColumn("STATE").AsAscii(16).NotNullable()
            .WithColumn("JOB_NAME").AsAscii(200).Nullable()
            .WithColumn("JOB_GROUP").AsAscii(200).Nullable()
            .WithColumn("IS_NONCONCURRENT").AsBoolean().Nullable()
            .WithColumn("REQUESTS_RECOVERY").AsBoolean().Nullable()
            .WithColumn("EXECUTION_GROUP").AsAscii(200).Nullable()
            .WithColumn("PROGRESS").AsInt32().Nullable()
            .WithColumn("PROGRESS_MESSAGE").AsText(250).Nullable()
            .WithColumn("INTERRUPT_REQUESTED_TIME").AsInt64().Nullable();

        CreateTable("SCHEDULER_STATE")
            .WithColumn("INSTANCE_NAME").AsAscii(200).PrimaryKey()
            .WithColumn("LAST_CHECKIN_TIME").AsInt64().NotNullable()
            .WithColumn("CHECKIN_INTERVAL").AsInt64().NotNullable()
            .WithColumn("QUARTZ_VERSION").AsAscii(20).Nullable();

        CreateTable("LOCKS")
            .WithColumn("LOCK_NAME").AsAscii(40).PrimaryKey();
    }

    private void CreateIndexes()
    {
        CreateIndex("J_G_N", "JOB_DETAILS", "JOB_GROUP", "JOB_NAME");
        CreateIndex("T_J", "TRIGGERS", "JOB_NAME", "JOB_GROUP");
        CreateIndex("T_G_N", "TRIGGERS", "TRIGGER_GROUP", "TRIGGER_NAME");
        CreateIndex("T_C", "TRIGGERS", "CALENDAR_NAME");
        CreateIndex("T_NFT_ST", "TRIGGERS", "TRIGGER_STATE", "NEXT_FIRE_TIME", "PRIORITY", "MISFIRE_INSTR");
        CreateIndex("FT_INST_JOB_REQ_RCVRY", "FIRED_TRIGGERS", "INSTANCE_NAME", "REQUESTS_RECOVERY");
        CreateIndex("FT_J_G", "FIRED_TRIGGERS", "JOB_NAME", "JOB_GROUP");
        CreateIndex("FT_T_G", "FIRED_TRIGGERS", "TRIGGER_NAME", "TRIGGER_GROUP");
    }

    private ICreateTableColumnOptionOrWithColumnSyntax CreateTable(string name) => Create.Table($"QRTZ_{name}")
        .WithColumn("SCHED_NAME").AsAscii(120).PrimaryKey();

    private ICreateTableColumnOptionOrWithColumnSyntax CreateTriggerTable(string name) => CreateTable(name)
        .WithColumn("TRIGGER_NAME").AsAscii(200).PrimaryKey()
        .WithColumn("TRIGGER_GROUP").AsAscii(200).PrimaryKey();

    private void CreateIndex(string name, string table, params string[] columns)
    {
        var index = Create.Index($"IDX_QRTZ_{name}").OnTable($"QRTZ_{table}").OnColumn("SCHED_NAME").Ascending();
        foreach (var column in columns)
        {
            index = index.OnColumn(column).Ascending();
        }
    }
}
