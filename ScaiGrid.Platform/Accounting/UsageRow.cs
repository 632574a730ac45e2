using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ScaiGrid.Platform.Accounting;

/// <summary>
/// One inference call. Append-only and narrow: no foreign keys, no bodies. The id is assigned once per call, so that storing a record again
/// is recognised.
/// </summary>
internal sealed class UsageRow : IUsageDimensions
{
    public required string Id { get; init; }

    public required string RequestId { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required string TenantId { get; init; }

    public required string PartnerId { get; init; }

    public required string UserId { get; init; }

    public string? ApiKeyId { get; init; }

    public required string ModelId { get; init; }

    /// <summary>The model's slug at the time of the call.</summary>
    public required string Model { get; init; }

    public required string BackendId { get; init; }

    public required string Protocol { get; init; }

    public required string Status { get; init; }

    public required long TokensIn { get; init; }

    public required long TokensOut { get; init; }

    public required long CachedTokens { get; init; }

    public required long ReasoningTokens { get; init; }

    /// <summary>Charged to the caller, in nano-units.</summary>
    public required long Cost { get; init; }

    /// <summary>Charged by the upstream, in nano-units.</summary>
    public required long BackendCost { get; init; }

    /// <summary>The version of the model's prices that was charged.</summary>
    public required int PriceVersion { get; init; }

    public required int LatencyMs { get; init; }

    public int? TimeToFirstTokenMs { get; init; }

    /// <summary>True if the tokens were counted here because the upstream gave no usage.</summary>
    public required bool Estimated { get; init; }
}

internal sealed class UsageRowConfiguration : IEntityTypeConfiguration<UsageRow>
{
    public const int RequestIdLength = 128;

    public void Configure(EntityTypeBuilder<UsageRow> builder)
    {
        builder.ToTable("usage_records");
        builder.Property(row => row.RequestId).HasMaxLength(RequestIdLength);
        builder.HasIndex(row => new { row.TenantId, row.Id });
        builder.HasIndex(row => new { row.TenantId, row.CreatedAt });
        builder.HasIndex(row => new { row.PartnerId, row.Id });
        builder.HasIndex(row => new { row.UserId, row.Id });
        builder.HasIndex(row => row.RequestId);
    }
}
