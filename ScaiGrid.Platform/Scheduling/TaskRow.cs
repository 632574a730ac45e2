using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace ScaiGrid.Platform.Scheduling;

/// <summary>The workers' common record of a scheduled task: when it was declared, and its last run on any worker.</summary>
internal sealed class TaskRow
{
    public required string Name { get; init; }

    public required long IntervalMs { get; set; }

    /// <summary>When a running worker last declared this task.</summary>
    public required DateTimeOffset DeclaredAt { get; set; }

    public DateTimeOffset? LastStartedAt { get; set; }

    public long? LastDurationMs { get; set; }

    /// <summary>ok, failed, timeout or cancelled.</summary>
    public string? LastOutcome { get; set; }

    public string? LastError { get; set; }

    public DateTimeOffset? LastOkAt { get; set; }

    /// <summary>The machine and process of the last run.</summary>
    public string? Worker { get; set; }
}

internal sealed class TaskRowConfiguration : IEntityTypeConfiguration<TaskRow>
{
    public const int ErrorLength = 1000;

    public void Configure(EntityTypeBuilder<TaskRow> builder)
    {
        builder.ToTable("scheduled_tasks");
        builder.HasKey(row => row.Name);
        builder.Property(row => row.Name).IsUnicode(false).HasMaxLength(128);
        builder.Property(row => row.Worker).IsUnicode(false).HasMaxLength(128);
    }
}
