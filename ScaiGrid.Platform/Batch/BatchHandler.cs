using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Errors;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Jobs;

namespace ScaiGrid.Platform.Batch;

/// <summary>Changes of a step that are stored in the transaction that ends its job.</summary>
internal delegate Task StoreStep(PlatformDb db, CancellationToken cancellationToken);

/// <summary>Runs the steps of batches. Each batch is a lane, so that a large one does not delay the others.</summary>
internal sealed class BatchHandler(IDbContextFactory<PlatformDb> databases, BatchValidation validation, BatchRun run, BatchFinish finish, TimeProvider time) : IJobHandler
{
    /// <summary>The most steps that one worker runs at a time.</summary>
    public const int Concurrency = 8;

    private const int StepsOfOneBatch = 3;

    /// <summary>The time after which a step is repeated because the blob store was unavailable.</summary>
    public static readonly TimeSpan StoreRetry = TimeSpan.FromSeconds(10);

    public int LaneLimit(string lane) => StepsOfOneBatch;

    public Task RunAsync(IReadOnlyList<ClaimedJob> jobs) => Task.WhenAll(jobs.Select(RunAsync));

    public async Task StoreAsync(PlatformDb db, IReadOnlyList<EndedJob> ended, CancellationToken cancellationToken)
    {
        foreach (var store in ended.Select(end => end.End.Result).OfType<StoreStep>())
        {
            await store(db, cancellationToken);
        }
    }

    private async Task RunAsync(ClaimedJob job)
    {
        while (!job.Draining.IsCancellationRequested)
        {
            try
            {
                job.End(await StepAsync(job));
                return;
            }
            catch (ApiException exception) when (exception.Problem.Error.Status >= 500)
            {
                // The blob store is unavailable. Waiting here does not count as an attempt of the job, however long it takes.
                using var stop = CancellationTokenSource.CreateLinkedTokenSource(job.Lost, job.Draining);
                await Task.Delay(StoreRetry, time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                job.Lost.ThrowIfCancellationRequested();
            }
        }

        job.End(JobEnd.Released());
    }

    private async Task<JobEnd> StepAsync(ClaimedJob job)
    {
        var step = BatchJob.Read(job.Payload);
        await using var db = await databases.CreateDbContextAsync(job.Lost);
        if (await db.Batches.AsNoTracking().SingleOrDefaultAsync(batch => batch.Id == step.BatchId, job.Lost) is not { } batch
            || (batch.EndedAt is not null && step.Step != BatchStep.Finish))
        {
            return JobEnd.Done();
        }

        return step.Step switch
        {
            BatchStep.Validate => await validation.RunAsync(batch, job.Lost),
            BatchStep.Run => await run.RunAsync(batch, step.Chunk, job),
            _ => await finish.RunAsync(batch, job.Lost),
        };
    }
}
