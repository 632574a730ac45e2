using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Core;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Jobs;

/// <summary>
/// A piece of queued work. Written in the transaction of the change that it follows from, claimed by a worker under a lease, and
/// removed in the transaction that stores what came of it.
/// </summary>
internal sealed class Job
{
    /// <summary>In a lease, between the process and the number of its claim.</summary>
    public const char ClaimSeparator = '.';

    public required string Id { get; init; }

    /// <summary>Which handler runs it, see <see cref="JobQueue"/>.</summary>
    public required string Queue { get; init; }

    /// <summary>Work that shares a bottleneck, a receiver say: a lane that is slow does not hold up the others of its queue.</summary>
    public string Lane { get; init; } = "";

    public string State { get; set; } = JobState.Ready;

    /// <summary>Not before this time. A lease puts it off to the lease's end, so that the job of a worker that died is due again.</summary>
    public required DateTimeOffset RunAt { get; set; }

    /// <summary>How often it was claimed, but for claims that ended without a failure: released, or to be done again.</summary>
    public int Attempts { get; set; }

    /// <summary>Which claim has it, or had it last; null before the first.</summary>
    public string? Lease { get; set; }

    /// <summary>The process that has it, or had it last.</summary>
    public string? Worker => Lease?.Split(ClaimSeparator)[0];

    public string? TenantId { get; init; }

    public string? PartnerId { get; init; }

    /// <summary>JSON of the queue's own.</summary>
    public required string Payload { get; init; }

    /// <summary>Why the last attempt failed.</summary>
    public string? Error { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>A job that is due now.</summary>
    public static Job New(TimeProvider time, string queue, string payload, string? tenantId, string? partnerId, string lane = "", string? id = null) => new()
    {
        Id = id ?? Ids.New(Ids.Job, time),
        Queue = queue,
        Lane = lane,
        RunAt = time.GetStoredNow(),
        TenantId = tenantId,
        PartnerId = partnerId,
        Payload = payload,
        CreatedAt = time.GetStoredNow(),
    };
}

/// <summary>Work that ended well has no row.</summary>
internal static class JobState
{
    /// <summary>Waits, or is being worked on: the lease tells.</summary>
    public const string Ready = "ready";

    /// <summary>Failed too often: kept until somebody looks at it.</summary>
    public const string Dead = "dead";
}

internal sealed class JobConfiguration : IEntityTypeConfiguration<Job>
{
    public const int QueueLength = 40;
    public const int LaneLength = 64;
    public const int ErrorLength = 1000;

    public void Configure(EntityTypeBuilder<Job> builder)
    {
        builder.ToTable("jobs");
        builder.Property(job => job.Queue).IsUnicode(false).HasMaxLength(QueueLength);
        builder.Property(job => job.Lane).IsUnicode(false).HasMaxLength(LaneLength);
        builder.Property(job => job.Lease).IsUnicode(false).HasMaxLength(LaneLength);
        builder.HasIndex(job => new { job.State, job.Queue, job.Lane, job.RunAt });
        builder.HasIndex(job => new { job.TenantId, job.Id });
        builder.HasIndex(job => new { job.PartnerId, job.Id });
    }
}
