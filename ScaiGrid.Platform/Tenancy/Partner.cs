using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Tenancy;

/// <summary>The top of the tenancy tree: a partner has tenants.</summary>
internal sealed class Partner : ISnapshotted
{
    public required string Id { get; init; }

    /// <summary>The identity provider's id; null for a partner created here.</summary>
    public string? ExternalId { get; set; }

    public required string Slug { get; set; }

    public required string DisplayName { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; set; }
}

internal sealed class PartnerConfiguration : IEntityTypeConfiguration<Partner>
{
    public void Configure(EntityTypeBuilder<Partner> builder)
    {
        builder.ToTable("partners");
        builder.Property(partner => partner.ExternalId).HasMaxLength(ExternalIds.MaxLength);
        builder.HasIndex(partner => partner.ExternalId).IsUnique();
        builder.HasIndex(partner => partner.Slug).IsUnique();
    }
}
