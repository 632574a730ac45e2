using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ScaiGrid.Platform.Models;

/// <summary>A group of models that are allowed or blocked together.</summary>
internal sealed class ModelGroup
{
    public required string Id { get; init; }

    public required string Name { get; set; }

    public string Description { get; set; } = "";

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; set; }
}

internal sealed class ModelGroupConfiguration : IEntityTypeConfiguration<ModelGroup>
{
    public void Configure(EntityTypeBuilder<ModelGroup> builder)
    {
        builder.ToTable("model_groups");
        builder.HasIndex(group => group.Name).IsUnique();
    }
}
