using System.Security.Cryptography;
using System.Text;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Storage;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Files;
using ScaiGrid.Platform.Jobs;

namespace ScaiGrid.Platform.Batch;

/// <summary>The last step: joins the chunks' results into two files in the order of the input, and deletes the intermediate blobs.</summary>
internal sealed class BatchFinish(IDbContextFactory<PlatformDb> databases, IBlobStore blobs, ChunkStore chunks, FileStore files, CallAdmission admission, TimeProvider time)
{
    private const int ListedTogether = 500;

    // The first attempt of a job is 1.
    private const int NoAttempt = 0;

    public async Task<JobEnd> RunAsync(BatchRow batch, CancellationToken cancellationToken)
    {
        if (batch.Status is not (BatchStatus.Finalizing or BatchStatus.Cancelling))
        {
            await ClearAsync(batch, cancellationToken);
            return JobEnd.Done();
        }

        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var ended = await db.BatchChunks.AsNoTracking().Where(chunk => chunk.BatchId == batch.Id).ToListAsync(cancellationToken);

        // A batch that failed has chunks that did not end. The results that they have saved are paid for.
        var unfinished = batch.Errors is null ? [] : await WriteUnfinishedAsync(batch, [.. ended.Select(chunk => chunk.Number)], cancellationToken);
        var all = ended.Concat(unfinished).OrderBy(chunk => chunk.Number).ToList();
        var output = await WriteAsync(
            batch, "output.jsonl", [.. all.Where(chunk => chunk.Completed > 0).Select(chunk => batch.ChunkKey(chunk.Number, $"out.{chunk.Attempt}"))], cancellationToken);
        var errors = await WriteAsync(
            batch, "errors.jsonl", [.. all.Where(chunk => chunk.Failed > 0).Select(chunk => batch.ChunkKey(chunk.Number, $"err.{chunk.Attempt}"))], cancellationToken);
        return JobEnd.Done((StoreStep)((store, token) => StoreAsync(store, batch.Id, unfinished, output, errors, token)));
    }

    private async Task<List<BatchChunk>> WriteUnfinishedAsync(BatchRow batch, HashSet<int> ended, CancellationToken cancellationToken)
    {
        var unfinished = new List<BatchChunk>();
        foreach (var number in Enumerable.Range(0, batch.Chunks).Where(number => !ended.Contains(number)))
        {
            using var results = await chunks.OpenAsync(batch, number, cancellationToken);
            var (completed, failed) = (results.Count(succeeded: true), results.Count(succeeded: false));
            if (completed + failed > 0)
            {
                await chunks.WriteAsync(batch, number, NoAttempt, results, cancellationToken);
                unfinished.Add(new BatchChunk { BatchId = batch.Id, Number = number, Attempt = NoAttempt, Completed = completed, Failed = failed });
            }
        }

        return unfinished;
    }

    private async Task<StoredFile?> WriteAsync(BatchRow batch, string filename, string[] keys, CancellationToken cancellationToken)
    {
        if (keys.Length == 0)
        {
            return null;
        }

        // The same id if this step is repeated, so that the file is overwritten instead of left behind.
        var id = $"{Ids.File}_{Ulid.NewUlid(batch.CreatedAt, SHA256.HashData(Encoding.ASCII.GetBytes($"{batch.Id}/{filename}")).AsSpan(0, 10))}";

        // For a batch that failed, missing parts are skipped.
        await using var parts = new ChainedBlobs(blobs, keys, passesOverMissing: batch.Errors is not null);
        var info = await blobs.WriteAsync(StoredFile.KeyOf(batch.TenantId, id), parts, cancellationToken);
        return files.New(id, batch.TenantId, batch.UserId, $"{batch.Id}_{filename}", FilePurpose.BatchOutput, info.Length);
    }

    private async Task StoreAsync(
        PlatformDb db, string batchId, List<BatchChunk> unfinished, StoredFile? output, StoredFile? errors, CancellationToken cancellationToken)
    {
        var batch = await db.Batches.SingleAsync(row => row.Id == batchId, cancellationToken);
        foreach (var file in new[] { output, errors }.OfType<StoredFile>())
        {
            db.Files.Add(file);
        }

        db.BatchChunks.AddRange(unfinished);
        (batch.Completed, batch.Failed) = (batch.Completed + unfinished.Sum(chunk => chunk.Completed), batch.Failed + unfinished.Sum(chunk => chunk.Failed));

        (batch.OutputFileId, batch.ErrorFileId, batch.EndedAt) = (output?.Id, errors?.Id, time.GetStoredNow());
        batch.Status = batch.Errors is not null ? BatchStatus.Failed
            : batch.Status == BatchStatus.Cancelling ? BatchStatus.Cancelled
            : batch.FinalizingAt >= batch.ExpiresAt && batch.Failed > 0 ? BatchStatus.Expired
            : BatchStatus.Completed;

        // Queued once more for the clean-up, which must not delay the results.
        BatchJob.Add(db, batch, BatchStep.Finish, time);
    }

    private async Task ClearAsync(BatchRow batch, CancellationToken cancellationToken)
    {
        await admission.ForgetAsync([batch.TenantId, batch.PartnerId], [.. Enumerable.Range(0, batch.Chunks).Select(batch.Calls)]);
        var prefix = $"{BatchRow.Folder}{batch.TenantId}/{batch.Id}/";
        while (true)
        {
            var page = await blobs.ListAsync(prefix, after: null, ListedTogether, cancellationToken);
            foreach (var blob in page.Items)
            {
                await blobs.DeleteAsync(blob.Key, cancellationToken);
            }

            if (!page.HasMore)
            {
                return;
            }
        }
    }
}

/// <summary>Reads several objects of the store as one stream.</summary>
internal sealed class ChainedBlobs(IBlobStore blobs, IReadOnlyList<string> keys, bool passesOverMissing) : ReadOnlyStream
{
    private BlobContent? _current;
    private int _next;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            if (_current is null)
            {
                if (_next == keys.Count)
                {
                    return 0;
                }

                _current = await blobs.OpenAsync(keys[_next++], range: null, cancellationToken);
                if (_current is null)
                {
                    if (passesOverMissing)
                    {
                        continue;
                    }

                    throw new InvalidOperationException("A chunk's results are gone.");
                }
            }

            var read = await _current.Body.ReadAsync(buffer, cancellationToken);
            if (read > 0 || buffer.Length == 0)
            {
                return read;
            }

            await _current.DisposeAsync();
            _current = null;
        }
    }

    public override async ValueTask DisposeAsync()
    {
        if (_current is not null)
        {
            await _current.DisposeAsync();
        }

        await base.DisposeAsync();
    }
}
