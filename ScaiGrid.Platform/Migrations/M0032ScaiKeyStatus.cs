using FluentMigrator;

namespace ScaiGrid.Platform.Migrations;

/// <summary>What ScaiKey last said of a resource's status: only another word changes it here.</summary>
[Migration(32, "status of ScaiKey's resources")]
public sealed class M0032ScaiKeyStatus : ForwardOnlyMigration
{
    public override void Up() => Alter.Table("scaikey_resources").AddColumn("is_active").AsBoolean().Nullable();
}
