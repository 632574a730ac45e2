using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Tests.Platform.Data.GoodModule
{
    /// <summary>A migration stream of a module that succeeds.</summary>
    [Migration(1, "things")]
    public sealed class Things : ForwardOnlyMigration
    {
        public override void Up() => Create.Table("mod_good_things").WithColumn("id").AsId().PrimaryKey();
    }
}

namespace ScaiGrid.Tests.Platform.Data.FailingModule
{
    /// <summary>The first step of a module's stream, whose next step fails.</summary>
    [Migration(1, "first")]
    public sealed class First : ForwardOnlyMigration
    {
        public override void Up() => Create.Table("mod_failing_first").WithColumn("id").AsId().PrimaryKey();
    }

    [Migration(2, "broken step")]
    public sealed class Broken : ForwardOnlyMigration
    {
        public override void Up() => Execute.Sql("UPDATE no_such_table SET x = 1");
    }
}
