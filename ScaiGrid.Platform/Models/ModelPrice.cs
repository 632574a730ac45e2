using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ScaiGrid.Platform.Models;

/// <summary>One version of a model's prices. Usage rows have the version that was charged, instead of the prices.</summary>
internal sealed class ModelPrice
{
    public required string ModelId { get; init; }

    public required int Version { get; init; }

    public required long InputPricePerMtok { get; init; }

    public required long OutputPricePerMtok { get; init; }

    public required long? CachedInputPricePerMtok { get; init; }

    public required long ImagePrice { get; init; }

    public required long AudioPricePerMinute { get; init; }

    public required DateTimeOffset ValidFrom { get; init; }

    /// <summary>The row of a model's current version. Must be added when a model is created or its prices change.</summary>
    public static ModelPrice Of(Model model, DateTimeOffset now) => new()
    {
        ModelId = model.Id,
        Version = model.PriceVersion,
        InputPricePerMtok = model.InputPricePerMtok,
        OutputPricePerMtok = model.OutputPricePerMtok,
        CachedInputPricePerMtok = model.CachedInputPricePerMtok,
        ImagePrice = model.ImagePrice,
        AudioPricePerMinute = model.AudioPricePerMinute,
        ValidFrom = now,
    };
}

internal sealed class ModelPriceConfiguration : IEntityTypeConfiguration<ModelPrice>
{
    public void Configure(EntityTypeBuilder<ModelPrice> builder)
    {
        builder.ToTable("model_prices");
        builder.HasKey(price => new { price.ModelId, price.Version });
    }
}
