using FluentMigrator;

namespace ScaiGrid.Platform.Migrations;

/// <summary>The status that ScaiKey last reported of a resource: only a different one has an effect.</summary>
[Migration(32, "status of ScaiKey's resources")]
public sealed class M0032ScaiKeyStatus : ForwardOnlyMigration
{
    public override void Up() => Alter.Table("scaikey_resources").AddColumn("is_active").AsBoolean().Nullable();
}
