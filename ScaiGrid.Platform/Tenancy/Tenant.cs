using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Tenancy;

/// <summary>A customer of a partner. Rows of one tenant are never visible to another.</summary>
internal sealed class Tenant : ISnapshotted
{
    public required string Id { get; init; }

    public required string PartnerId { get; init; }

    /// <summary>The identity provider's id; null for a tenant created here.</summary>
    public string? ExternalId { get; set; }

    public required string Slug { get; set; }

    public required string DisplayName { get; set; }

    /// <summary>One of <see cref="TenantStatus"/>.</summary>
    public string Status { get; set; } = TenantStatus.Active;

    /// <summary>A JSON object.</summary>
    public string Settings { get; set; } = "{}";

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; set; }
}

internal static class TenantStatus
{
    public const string Active = "active";
    public const string Suspended = "suspended";
}

internal sealed class TenantConfiguration : IEntityTypeConfiguration<Tenant>
{
    public void Configure(EntityTypeBuilder<Tenant> builder)
    {
        builder.ToTable("tenants");
        builder.Property(tenant => tenant.ExternalId).HasMaxLength(ExternalIds.MaxLength);
        builder.HasIndex(tenant => tenant.ExternalId).IsUnique();
        builder.HasIndex(tenant => tenant.Slug).IsUnique();
        builder.HasOne<Partner>().WithMany().HasForeignKey(tenant => tenant.PartnerId).OnDelete(DeleteBehavior.Restrict);
    }
}
