using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using ScaiGrid.Core;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Jobs;

/// <summary>
/// A piece of queued work. Written in the transaction of the change that causes it, claimed by a worker under a lease, and deleted in the
/// transaction that stores its result.
/// </summary>
internal sealed class Job
{
    /// <summary>Separates the process from the number of the claim in a lease.</summary>
    public const char ClaimSeparator = '.';

    public required string Id { get; init; }

    /// <summary>The name of the <see cref="JobQueue"/> whose handler runs it.</summary>
    public required string Queue { get; init; }

    /// <summary>Groups jobs that share a bottleneck, such as a webhook receiver: a slow lane does not hold up other lanes of the queue.</summary>
    public string Lane { get; init; } = "";

    public string State { get; set; } = JobState.Ready;

    /// <summary>The earliest time to run. Set to the lease's end while the job is claimed, so that the job of a worker that died becomes due again.</summary>
    public required DateTimeOffset RunAt { get; set; }

    /// <summary>The number of claims, except those that ended without failure: released or repeated ones.</summary>
    public int Attempts { get; set; }

    /// <summary>The current or last claim; null before the first.</summary>
    public string? Lease { get; set; }

    /// <summary>The process of the current or last claim.</summary>
    public string? Worker => Lease?.Split(ClaimSeparator)[0];

    public string? TenantId { get; init; }

    public string? PartnerId { get; init; }

    /// <summary>JSON in the queue's own form.</summary>
    public required string Payload { get; init; }

    /// <summary>The error of the last failed attempt.</summary>
    public string? Error { get; set; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Creates a job that is due now, by the clock of this process: only later due times are by the database's.</summary>
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

/// <summary>The states of jobs. A job that succeeded has no row.</summary>
internal static class JobState
{
    /// <summary>Waiting or running, depending on its lease.</summary>
    public const string Ready = "ready";

    /// <summary>Failed too often; kept until an administrator retries or deletes it.</summary>
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
