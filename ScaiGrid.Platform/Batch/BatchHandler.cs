using Microsoft.EntityFrameworkCore;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Jobs;

namespace ScaiGrid.Platform.Batch;

/// <summary>What a step leaves to be stored in the transaction that ends its job.</summary>
internal delegate Task StoreStep(PlatformDb db, CancellationToken cancellationToken);

/// <summary>Takes batches from step to step. A batch is a lane: a large one does not keep the others waiting.</summary>
internal sealed class BatchHandler(IDbContextFactory<PlatformDb> databases, BatchValidation validation, BatchRun run, BatchFinish finish) : IJobHandler
{
    /// <summary>Steps that one worker takes at a time.</summary>
    public const int Concurrency = 8;

    private const int StepsOfOneBatch = 3;

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
        var step = BatchJob.Read(job.Payload);
        await using var db = await databases.CreateDbContextAsync(job.Lost);
        if (await db.Batches.AsNoTracking().SingleOrDefaultAsync(batch => batch.Id == step.BatchId, job.Lost) is not { } batch)
        {
            job.End(JobEnd.Done());
            return;
        }

        job.End(step.Step switch
        {
            BatchStep.Validate => await validation.RunAsync(batch, job.Lost),
            BatchStep.Run => await run.RunAsync(batch, step.Chunk, job),
            _ => await finish.RunAsync(batch, job.Lost),
        });
    }
}
