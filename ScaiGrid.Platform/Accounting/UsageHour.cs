using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ScaiGrid.Platform.Accounting;

/// <summary>Hourly sums of <see cref="UsageRow"/>: what summaries read, so that they do not grow with the rows.</summary>
internal sealed class UsageHour : IUsageDimensions
{
    /// <summary>Start of the hour, UTC.</summary>
    public required DateTimeOffset Hour { get; init; }

    public required string PartnerId { get; init; }

    public required string TenantId { get; init; }

    public required string UserId { get; init; }

    public required string Model { get; init; }

    public required string BackendId { get; init; }

    public required long RequestCount { get; set; }

    public required long InputTokens { get; set; }

    public required long OutputTokens { get; set; }

    public required long Cost { get; set; }

    public required long BackendCost { get; set; }
}

internal sealed class UsageHourConfiguration : IEntityTypeConfiguration<UsageHour>
{
    public void Configure(EntityTypeBuilder<UsageHour> builder)
    {
        builder.ToTable("usage_hours");
        builder.HasKey(hour => new { hour.TenantId, hour.Hour, hour.UserId, hour.Model, hour.BackendId });
        builder.HasIndex(hour => new { hour.PartnerId, hour.Hour });
    }
}
