using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ScaiGrid.Platform.Accounting;

/// <summary>The sum of <see cref="UsageRow"/>s of an hour or a day. Summaries read these, so that their time does not grow with the rows.</summary>
internal abstract class UsageRollup : IUsageDimensions, IUsageSums
{
    public required string PartnerId { get; init; }

    public required string TenantId { get; init; }

    public required string UserId { get; init; }

    public required string Model { get; init; }

    public required string BackendId { get; init; }

    public required long RequestCount { get; set; }

    public required long InputTokens { get; set; }

    public required long OutputTokens { get; set; }

    /// <summary>In nano-units; saturates at 64 bits.</summary>
    public required long Cost { get; set; }

    /// <inheritdoc cref="Cost"/>
    public required long BackendCost { get; set; }
}

internal sealed class UsageHour : UsageRollup
{
    /// <summary>Start of the hour in UTC.</summary>
    public required DateTimeOffset Hour { get; init; }
}

internal sealed class UsageDay : UsageRollup
{
    /// <summary>Start of the day in UTC.</summary>
    public required DateTimeOffset Day { get; init; }
}

internal sealed class UsageHourConfiguration : IEntityTypeConfiguration<UsageHour>
{
    public void Configure(EntityTypeBuilder<UsageHour> builder)
    {
        builder.ToTable("usage_hours");
        builder.HasKey(hour => new { hour.TenantId, hour.Hour, hour.UserId, hour.Model, hour.BackendId });
        builder.HasIndex(hour => new { hour.PartnerId, hour.Hour });
        builder.HasIndex(hour => hour.Hour);
    }
}

internal sealed class UsageDayConfiguration : IEntityTypeConfiguration<UsageDay>
{
    public void Configure(EntityTypeBuilder<UsageDay> builder)
    {
        builder.ToTable("usage_days");
        builder.HasKey(day => new { day.TenantId, day.Day, day.UserId, day.Model, day.BackendId });
        builder.HasIndex(day => new { day.PartnerId, day.Day });
        builder.HasIndex(day => day.Day);
    }
}
