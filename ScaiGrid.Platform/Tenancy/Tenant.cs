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

    /// <summary>Part of the names of its models, so it never changes.</summary>
    public required string Slug { get; set; }

    /// <summary>The identity provider's slug, which may change and is part of the address of the tenant's own issuer; null if it is not known.</summary>
    public string? ExternalSlug { get; set; }

    /// <summary>
    /// The slug by which the identity provider knows it; null if there is none. Our slug is only a guess, for a tenant of which the provider has
    /// reported nothing: it must not name a tenant that has it there, even a suspended one.
    /// </summary>
    /// <param name="isTaken">Whether our slug is the <see cref="ExternalSlug"/> of a tenant.</param>
    public string? IssuerSlug(bool isTaken) => ExternalSlug ?? (ExternalId is null && !isTaken ? Slug : null);

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
        builder.Property(tenant => tenant.ExternalSlug).IsUnicode(false).HasMaxLength(ExternalIds.MaxLength);
        builder.HasIndex(tenant => tenant.ExternalSlug).IsUnique();
        builder.HasOne<Partner>().WithMany().HasForeignKey(tenant => tenant.PartnerId).OnDelete(DeleteBehavior.Restrict);
    }
}
