using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Jobs;

/// <summary>Runs the jobs of one queue.</summary>
internal interface IJobHandler
{
    /// <summary>
    /// Runs jobs that were claimed together, and ends each. A job that is not ended when this returns or throws has failed. A job may run again
    /// on another worker, if this one dies or loses the database: handlers must be idempotent.
    /// </summary>
    Task RunAsync(IReadOnlyList<ClaimedJob> jobs);

    /// <summary>The most jobs of a lane that this worker may hold at a time.</summary>
    int LaneLimit(string lane) => int.MaxValue;

    /// <summary>
    /// Stores the results in the transaction that also ends the jobs. Called only for jobs that this worker still holds, so each result is stored
    /// once. Must only use the database, because it is repeated after a deadlock.
    /// </summary>
    Task StoreAsync(PlatformDb db, IReadOnlyList<EndedJob> ended, CancellationToken cancellationToken) => Task.CompletedTask;
}
