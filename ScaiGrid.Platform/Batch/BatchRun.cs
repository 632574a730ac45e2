using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Identity;
using ScaiGrid.Core.Storage;
using ScaiGrid.Platform.Calls;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Jobs;

namespace ScaiGrid.Platform.Batch;

/// <summary>
/// Makes the calls of one chunk. Results are saved from time to time, so that a worker that takes over repeats few calls. A repeated call has the
/// same usage id, so that it is billed once.
/// </summary>
internal sealed partial class BatchRun(
    IDbContextFactory<PlatformDb> databases,
    IBlobStore blobs,
    ChunkStore chunks,
    InProcessInference inference,
    BatchCallers callers,
    BatchOptions options,
    TimeProvider time,
    ILogger<BatchRun> logger) : IDisposable
{
    private const string Ended = "The batch ended before this call was made.";

    /// <summary>The most attempts of a failing call.</summary>
    private const int MostTries = 3;

    private static readonly TimeSpan WatchEvery = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan NoteEvery = TimeSpan.FromSeconds(5);

    // The end of a drain does not wait for results to be saved.
    private static readonly TimeSpan NoteInDrainEvery = TimeSpan.FromMilliseconds(250);

    // A chunk that has to wait longer gives its place in this worker to others.
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(60);

    // Shared by all chunks of this worker.
    private readonly SemaphoreSlim _calls = new(options.BatchConcurrency);

    public void Dispose() => _calls.Dispose();

    public async Task<JobEnd> RunAsync(BatchRow batch, int number, ClaimedJob job)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(job.Lost, job.Draining);
        while (!callers.IsReady)
        {
            await Task.Delay(TimeSpan.FromSeconds(1), time, stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stop.IsCancellationRequested)
            {
                return JobEnd.Released();
            }
        }

        var lines = await ReadAsync(batch.ChunkKey(number, "in"), job.Lost);
        using var results = await chunks.OpenAsync(batch, number, job.Lost);
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(job.Lost);
        var watch = WatchAsync(batch, number, results, job.Draining, watching.Token);
        try
        {
            if (await CallAsync(batch, number, lines, results, stop.Token) is not { } pause)
            {
                return await FinishAsync(batch, number, job, results, stop.Token);
            }

            await EndWatchAsync();
            await chunks.HandOverAsync(batch, number, results, stop.Token);
            return JobEnd.Again(pause);
        }
        catch (Exception exception) when (!job.Lost.IsCancellationRequested)
        {
            // Save what was answered, because it is paid for. The watch is ended first, because what it may be saving is older.
            await EndWatchAsync();
            await chunks.NoteAsync(batch, number, results, job.Lost);
            if (exception is OperationCanceledException && job.Draining.IsCancellationRequested)
            {
                return JobEnd.Released();
            }

            throw;
        }
        finally
        {
            await EndWatchAsync();
        }

        async Task EndWatchAsync()
        {
            await watching.CancelAsync();
            await watch;
        }
    }

    /// <summary>Makes the calls of the lines without a result. Lines that have to wait are repeated here if the wait is short and other lines are answered meanwhile.</summary>
    /// <returns>How long the remaining lines have to wait; null if none remains.</returns>
    private async Task<TimeSpan?> CallAsync(BatchRow batch, int number, List<byte[]> lines, ChunkResults results, CancellationToken stop)
    {
        var answeredAt = time.GetTimestamp();
        while (true)
        {
            var pauses = new ConcurrentBag<TimeSpan>();
            await Parallel.ForEachAsync(
                Enumerable.Range(0, lines.Count).Where(index => !results.Has(index)),
                new ParallelOptions { MaxDegreeOfParallelism = options.BatchConcurrency, CancellationToken = stop },
                async (index, _) =>
                {
                    var (result, pause) = await ResultAsync(batch, number, index, lines[index], results, stop);
                    if (result is null)
                    {
                        pauses.Add(pause);
                        return;
                    }

                    await KeepAsync(() => results.AddAsync(result), stop);
                    answeredAt = time.GetTimestamp();
                });
            if (pauses.IsEmpty)
            {
                return null;
            }

            var shortest = pauses.Min();
            if (time.GetElapsedTime(answeredAt) + shortest > LongestWait)
            {
                return shortest < LongestPause ? shortest : LongestPause;
            }

            await Task.Delay(shortest, time, stop);
        }
    }

    /// <summary>Adds a record to the chunk's local file. While the disk is full, it waits, because the answer is paid for.</summary>
    private async Task KeepAsync(Func<Task> add, CancellationToken stop)
    {
        while (true)
        {
            try
            {
                await add();
                return;
            }
            catch (IOException exception) when (!stop.IsCancellationRequested)
            {
                ResultNotKept(exception.Message);
                await Task.Delay(BatchHandler.StoreRetry, time, stop);
            }
        }
    }

    private async Task<JobEnd> FinishAsync(BatchRow batch, int number, ClaimedJob job, ChunkResults results, CancellationToken stop)
    {
        await chunks.WriteAsync(batch, number, job.Attempts, results, stop);
        var (completed, failed) = (results.Count(succeeded: true), results.Count(succeeded: false));
        return JobEnd.Done((StoreStep)(async (db, token) =>
        {
            db.BatchChunks.Add(new BatchChunk
            {
                BatchId = batch.Id,
                Number = number,
                Attempt = job.Attempts,
                Completed = completed,
                Failed = failed,
            });
            await db.Batches.Where(row => row.Id == batch.Id).ExecuteUpdateAsync(
                row => row
                    .SetProperty(one => one.Completed, one => one.Completed + completed)
                    .SetProperty(one => one.Failed, one => one.Failed + failed)
                    .SetProperty(one => one.ChunksDone, one => one.ChunksDone + 1),
                token);

            // The update holds the row's lock, so exactly one chunk finds that it is the last.
            var now = time.GetStoredNow();
            var isLast = await db.Batches.Where(row => row.Id == batch.Id && row.ChunksDone == row.Chunks).ExecuteUpdateAsync(
                row => row
                    .SetProperty(one => one.Status, one => one.Status == BatchStatus.Cancelling ? BatchStatus.Cancelling : BatchStatus.Finalizing)
                    .SetProperty(one => one.FinalizingAt, now),
                token);
            if (isLast == 1)
            {
                BatchJob.Add(db, batch, BatchStep.Finish, time);
            }
        }));
    }

    /// <returns>The result; or null, and how long the line has to wait.</returns>
    private async Task<(LineResult? Result, TimeSpan Pause)> ResultAsync(
        BatchRow batch, int number, int index, byte[] line, ChunkResults results, CancellationToken cancellationToken)
    {
        var id = $"{batch.Id}-{number}-{index}";
        try
        {
            var terms = new CallTerms(
                UsageId(batch, id),
                batch.PricePercent,
                batch.Calls(number),
                problem => Passes(problem) || IsTriedAgain(problem, results.Failures(index)) || IsCutOff(problem, cancellationToken));
            return await AnswerAsync(batch, index, id, BatchLine.Parse(line, batch), terms, results, cancellationToken);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            // Our own failure becomes this line's result: the other lines keep theirs, and a call that may have been sent and paid for is not repeated.
            LineFailed(id, exception);
            return (LineResult.NotCalled(index, id, BatchLine.CustomIdOf(line)!, "processing_failed", "The line could not be processed."), default);
        }
    }

    private async Task<(LineResult? Result, TimeSpan Pause)> AnswerAsync(
        BatchRow batch, int index, string id, BatchLine line, CallTerms terms, ChunkResults results, CancellationToken cancellationToken)
    {
        if (line.Mistake is not null)
        {
            return NotCalled("invalid_line", line.Mistake);
        }

        if (!inference.Has(line.Path!))
        {
            return NotCalled("invalid_line", "This build has no such operation.");
        }

        while (true)
        {
            if (Stopped(batch, cancellationToken) is { } reason)
            {
                return NotCalled(reason, Ended);
            }

            var (sent, refusal) = await PostAsync(batch, id, line, terms, cancellationToken);
            if (sent is not { } answer)
            {
                return NotCalled(refusal.Code, refusal.Message);
            }

            if (answer.Problem is { } cutOff && IsCutOff(cutOff, cancellationToken))
            {
                throw new OperationCanceledException(cancellationToken);
            }

            if (answer.Problem is { } passing && Passes(passing))
            {
                return (null, answer.RetryAfter!.Value);
            }

            if (answer.Problem is not { } problem || !IsTriedAgain(problem, results.Failures(index)))
            {
                return (LineResult.Called(index, id, line.CustomId, answer), default);
            }

            await KeepAsync(() => results.AddFailureAsync(index), cancellationToken);
            var pause = answer.RetryAfter ?? TimeSpan.FromSeconds(Math.Pow(2, results.Failures(index)));
            await Task.Delay(pause < LongestPause ? pause : LongestPause, time, cancellationToken);
        }

        (LineResult Result, TimeSpan Pause) NotCalled(string code, string message) => (LineResult.NotCalled(index, id, line.CustomId, code, message), default);
    }

    /// <summary>Makes the call as soon as this worker has a place for it.</summary>
    /// <returns>The answer; or null, and why the call may no longer be made.</returns>
    private async Task<(InferenceAnswer? Answer, (string Code, string Message) Refusal)> PostAsync(
        BatchRow batch, string id, BatchLine line, CallTerms terms, CancellationToken cancellationToken)
    {
        await _calls.WaitAsync(cancellationToken);
        try
        {
            // The wait for a place may have been long.
            if (Stopped(batch, cancellationToken) is { } reason)
            {
                return (null, (reason, Ended));
            }

            if (callers.Find(batch) is not { } caller || !caller.Has(Permissions.UseModels))
            {
                return (null, ("auth_token_invalid", "The key or user that made the batch may not call models any more."));
            }

            // Not cancelled by a drain: a call that was sent is paid for.
            return (await inference.PostAsync(caller.On(terms), line.Path!, line.Body, id, CancellationToken.None), default);
        }
        finally
        {
            _calls.Release();
        }
    }

    // Limits, outages in which nothing is sent, and pauses that every upstream asks for are waited out for as long as the batch lasts; other failures get a few attempts. The next
    // period of a budget is not waited for, however near it is.
    private static bool Passes(Problem problem) =>
        problem is { Error.Status: 429 or 503, ResetsAt: null } and ({ RetryAfterSeconds: not null } or { IsLasting: true });

    private static bool IsTriedAgain(Problem problem, int failures) => problem.Error.Status is 502 or 503 or 504 && failures + 1 < MostTries;

    // A call that the end of a drain cut off is left to the next worker.
    private static bool IsCutOff(Problem problem, CancellationToken stop) => problem.Error.Status == 503 && stop.IsCancellationRequested;

    /// <summary>A usage id that is the same on every worker, and begins with the batch's time.</summary>
    private static string UsageId(BatchRow batch, string lineId) =>
        $"{Ids.Usage}_{Ulid.NewUlid(batch.CreatedAt, SHA256.HashData(Encoding.ASCII.GetBytes(lineId)).AsSpan(0, 10))}";

    private string? Stopped(BatchRow batch, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return batch.Status == BatchStatus.Cancelling ? "batch_cancelled" : time.GetUtcNow() >= batch.ExpiresAt ? "batch_expired" : null;
    }

    /// <summary>Checks for cancellation, and saves new results, while a chunk runs.</summary>
    private async Task WatchAsync(BatchRow batch, int number, ChunkResults results, CancellationToken draining, CancellationToken cancellationToken)
    {
        var notedAt = time.GetTimestamp();
        while (!cancellationToken.IsCancellationRequested)
        {
            var drains = draining.IsCancellationRequested;
            try
            {
                if (drains || time.GetElapsedTime(notedAt) > NoteEvery)
                {
                    await chunks.NoteAsync(batch, number, results, cancellationToken);
                    notedAt = time.GetTimestamp();
                }

                if (!drains)
                {
                    await LookAsync(batch, cancellationToken);
                }
            }
            catch (Exception)
            {
                // The database or the store is unavailable: the next round tries again, and the end of the chunk reports a lasting failure.
            }

            using var next = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, drains ? CancellationToken.None : draining);
            await Task.Delay(drains ? NoteInDrainEvery : WatchEvery, time, next.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task LookAsync(BatchRow batch, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        if (await db.Batches.AnyAsync(row => row.Id == batch.Id && row.Status == BatchStatus.Cancelling, cancellationToken))
        {
            // Only this chunk's copy; the other chunks make the same query.
            batch.Status = BatchStatus.Cancelling;
        }
    }

    private async Task<List<byte[]>> ReadAsync(string key, CancellationToken cancellationToken)
    {
        await using var content = await blobs.OpenAsync(key, range: null, cancellationToken) ?? throw new InvalidOperationException("A chunk's input is gone.");
        var lines = new List<byte[]>();
        await foreach (var line in LineReader.ReadAsync(content.Body, LineReader.MaxLine, cancellationToken))
        {
            lines.Add(line);
        }

        return lines;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The answers of a batch cannot be written to the data folder ({Reason}); they wait in memory.")]
    private partial void ResultNotKept(string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Line {LineId} of a batch failed unexpectedly.")]
    private partial void LineFailed(string lineId, Exception exception);
}
