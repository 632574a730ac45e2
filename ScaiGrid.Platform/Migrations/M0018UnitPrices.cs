using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

[Migration(18, "prices of pictures and audio")]
public sealed class M0018UnitPrices : ForwardOnlyMigration
{
    public override void Up()
    {
        foreach (var table in (string[])["models", "backends"])
        {
            Alter.Table(table).AddColumn("image_price").AsNanos().NotNullable().WithDefaultValue(0L);
            Alter.Table(table).AddColumn("audio_price_per_minute").AsNanos().NotNullable().WithDefaultValue(0L);
        }
    }
}
