using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.RateLimits;

/// <summary>A tenant's or partner's own rate limits; null keeps the installation's. Of a partner's row only the partner level is used.</summary>
internal sealed class RateLimitRow : ISnapshotted
{
    /// <summary>The tenant or partner.</summary>
    public required string OwnerId { get; init; }

    public int? KeyRequests { get; set; }

    public long? KeyTokens { get; set; }

    public int? UserRequests { get; set; }

    public long? UserTokens { get; set; }

    public int? TenantRequests { get; set; }

    public long? TenantTokens { get; set; }

    public int? PartnerRequests { get; set; }

    public long? PartnerTokens { get; set; }

    public required DateTimeOffset UpdatedAt { get; set; }

    public LevelOverrides Overrides() => new(
        new RateLimitOverride(KeyRequests, KeyTokens),
        new RateLimitOverride(UserRequests, UserTokens),
        new RateLimitOverride(TenantRequests, TenantTokens),
        new RateLimitOverride(PartnerRequests, PartnerTokens));
}

internal sealed class RateLimitRowConfiguration : IEntityTypeConfiguration<RateLimitRow>
{
    public void Configure(EntityTypeBuilder<RateLimitRow> builder)
    {
        builder.ToTable("rate_limits");
        builder.HasKey(row => row.OwnerId);
    }
}
