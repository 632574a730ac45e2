using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ScaiGrid.Platform.Accounting;

/// <summary>
/// What the members of a group used: a call counts for the groups that its user was in when it was made, so nothing that was used
/// moves when people come and go. Its table is filled by the flush; calls themselves do not name groups.
/// </summary>
internal abstract class UsageGroup
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
    /// <summary>Start of the hour, UTC.</summary>
    public required DateTimeOffset Hour { get; init; }
}

/// <summary>For ranges that begin or end inside an hour; kept as long as single calls are.</summary>
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
