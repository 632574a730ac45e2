using FluentMigrator;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

/// <summary>Adds the prices of images and audio minutes to the versions of prices.</summary>
[Migration(71, "versions of unit prices")]
public sealed class M0071UnitPriceVersions : ForwardOnlyMigration
{
    public override void Up()
    {
        Alter.Table("model_prices").AddColumn("image_price").AsNanos().NotNullable().WithDefaultValue(0L);
        Alter.Table("model_prices").AddColumn("audio_price_per_minute").AsNanos().NotNullable().WithDefaultValue(0L);
    }
}

/// <summary>
/// Fills in missing data. Versions get their model's current unit prices, because earlier ones are not known. A model without a row for its version
/// was imported or bootstrapped, and its prices never changed.
/// </summary>
[Migration(72, "unit prices so far")]
public sealed class M0072UnitPricesSoFar : ForwardOnlyMigration
{
    public override void Up()
    {
        Execute.Sql(
            """
            UPDATE model_prices SET
                image_price = (SELECT image_price FROM models WHERE models.id = model_prices.model_id),
                audio_price_per_minute = (SELECT audio_price_per_minute FROM models WHERE models.id = model_prices.model_id)
            WHERE model_id IN (SELECT id FROM models)
            """);
        Execute.Sql(
            """
            INSERT INTO model_prices
                (model_id, version, input_price_per_mtok, output_price_per_mtok, cached_input_price_per_mtok, image_price, audio_price_per_minute, valid_from)
            SELECT id, price_version, input_price_per_mtok, output_price_per_mtok, cached_input_price_per_mtok, image_price, audio_price_per_minute, created_at
            FROM models WHERE NOT EXISTS (SELECT 1 FROM model_prices WHERE model_id = models.id AND version = models.price_version)
            """);
    }
}
