namespace ScaiGrid.Platform.Jobs;

/// <summary>A job's end, to be stored.</summary>
internal sealed record EndedJob(ClaimedJob Job, JobEnd End);
