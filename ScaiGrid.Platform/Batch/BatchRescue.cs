using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Modules;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Jobs;

namespace ScaiGrid.Platform.Batch;

/// <summary>
/// Ends batches whose steps have failed for good. Until the batch's window is over, an operator may fix the cause and retry the step. Then the
/// step is restarted automatically: it makes no more calls, so each line gets an error as its result. If that fails as well, the batch fails;
/// the results of its other steps are still joined.
/// </summary>
internal sealed partial class BatchRescue(IDbContextFactory<PlatformDb> databases, TimeProvider time, ILogger<BatchRescue> logger) : IScheduledTask
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(20);
    public static readonly TimeSpan Timeout = TimeSpan.FromMinutes(1);

    private const int Together = 500;
    private static readonly TimeSpan Patience = TimeSpan.FromHours(1);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var now = await DatabaseClock.NowAsync(db, cancellationToken);
        var stuck = await (
            from job in db.Jobs
            join batch in db.Batches on job.Lane equals batch.Id
            where job.Queue == BatchJob.Queue && job.State == JobState.Dead && batch.ExpiresAt <= now
            select new { job.Id, BatchId = batch.Id, batch.ExpiresAt, batch.EndedAt }).AsNoTracking().Take(Together).ToListAsync(cancellationToken);
        foreach (var batch in stuck.GroupBy(job => (job.BatchId, job.ExpiresAt, job.EndedAt)))
        {
            if (batch.Key.EndedAt is null && now >= batch.Key.ExpiresAt + Patience)
            {
                await EndAsync(batch.Key.BatchId, cancellationToken);
                BatchFailed(batch.Key.BatchId);
            }
            else
            {
                var ids = batch.Select(job => job.Id).ToArray();
                await databases.TransactAsync(
                    (unit, token) => unit.Jobs.Where(job => ids.Contains(job.Id) && job.State == JobState.Dead).ExecuteUpdateAsync(
                        job => job.SetProperty(row => row.State, JobState.Ready).SetProperty(row => row.Attempts, 0).SetProperty(row => row.RunAt, now), token),
                    cancellationToken);
                StepsBegunAnew(ids.Length, batch.Key.BatchId);
            }
        }
    }

    private Task EndAsync(string batchId, CancellationToken cancellationToken) => databases.TransactAsync(
        async (db, token) =>
        {
            var batch = await db.Batches.SingleAsync(row => row.Id == batchId, token);
            var now = time.GetStoredNow();
            if (batch.Errors is null && batch.Chunks > 0)
            {
                batch.Status = batch.Status == BatchStatus.Cancelling ? BatchStatus.Cancelling : BatchStatus.Finalizing;
                batch.FinalizingAt ??= now;
            }
            else
            {
                (batch.Status, batch.EndedAt, batch.InputUrl) = (BatchStatus.Failed, now, null);
            }

            batch.Errors = JsonSerializer.Serialize(
                new[] { new BatchMistake("processing_failed", "A step of the batch failed again and again.", Line: null) }, BatchView.Json);
            await db.Jobs.Where(job => job.Queue == BatchJob.Queue && job.Lane == batchId).ExecuteDeleteAsync(token);

            // Joins the existing results, or cleans up.
            BatchJob.Add(db, batch, BatchStep.Finish, time);
        },
        cancellationToken);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Count} step(s) of batch {BatchId} had failed permanently; its window is over, and they are restarted without making calls.")]
    private partial void StepsBegunAnew(int count, string batchId);

    [LoggerMessage(Level = LogLevel.Error, Message = "Batch {BatchId} has failed: its steps failed permanently.")]
    private partial void BatchFailed(string batchId);
}
