using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ScaiGrid.Platform.Accounting;

/// <summary>
/// The usage of a group's members. A call counts for the groups of its user at the time of the call, so later changes of membership do not
/// move usage. The flush fills the table; usage rows themselves have no groups.
/// </summary>
internal abstract class UsageGroup : IUsageSums
{
    public required string TenantId { get; init; }

    public required string GroupId { get; init; }

    public required string PartnerId { get; init; }

    public required long RequestCount { get; init; }

    public required long InputTokens { get; init; }

    public required long OutputTokens { get; init; }

    public required long Cost { get; init; }

    public required long BackendCost { get; init; }
}

internal sealed class UsageGroupHour : UsageGroup
{
    /// <summary>Start of the hour in UTC.</summary>
    public required DateTimeOffset Hour { get; init; }
}

/// <summary>Used for ranges that begin or end inside an hour; kept as long as usage rows.</summary>
internal sealed class UsageGroupMinute : UsageGroup
{
    public required DateTimeOffset Minute { get; init; }
}

internal sealed class UsageGroupHourConfiguration : IEntityTypeConfiguration<UsageGroupHour>
{
    public void Configure(EntityTypeBuilder<UsageGroupHour> builder)
    {
        builder.ToTable("usage_group_hours");
        builder.HasKey(hour => new { hour.TenantId, hour.GroupId, hour.Hour });
        builder.HasIndex(hour => hour.Hour);
    }
}

internal sealed class UsageGroupMinuteConfiguration : IEntityTypeConfiguration<UsageGroupMinute>
{
    public void Configure(EntityTypeBuilder<UsageGroupMinute> builder)
    {
        builder.ToTable("usage_group_minutes");
        builder.HasKey(minute => new { minute.TenantId, minute.GroupId, minute.Minute });
        builder.HasIndex(minute => minute.Minute);
    }
}
