using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Storage;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Files;
using ScaiGrid.Platform.Jobs;

namespace ScaiGrid.Platform.Batch;

/// <summary>A mistake in one line of the input, or in the input as a whole.</summary>
internal sealed record BatchMistake(string Code, string Message, int? Line);

/// <summary>
/// The first step: fetches a batch's input, checks that each line has a <c>custom_id</c> of its own, and divides the lines into chunks. Other
/// mistakes in a line become its result when it is run.
/// </summary>
internal sealed class BatchValidation(
    IDbContextFactory<PlatformDb> databases, IBlobStore blobs, InputFetcher fetcher, FileStore files, UploadOptions uploads, TimeProvider time)
{
    public const int MostLines = 50_000;
    private const int MostMistakes = 100;
    private const int LinesOfChunk = 100;

    /// <summary>
    /// The number of lines for which a line that generates images counts: a chunk's results are kept in a local file, an image has some
    /// megabytes, and a line may ask for ten.
    /// </summary>
    private const int LinesOfPictures = 25;

    private const int BytesOfChunk = 8 * 1024 * 1024;

    public async Task<JobEnd> RunAsync(BatchRow batch, CancellationToken cancellationToken)
    {
        StoredFile? fetched = null;
        var mistakes = new List<BatchMistake>();
        var (lines, chunks) = (0, 0);
        if (batch.Status == BatchStatus.Validating)
        {
            try
            {
                fetched = batch.InputFileId is null ? await FetchAsync(batch, cancellationToken) : null;
                (lines, chunks) = await DivideAsync(batch, fetched?.BlobKey ?? await KeyAsync(batch, cancellationToken), mistakes, cancellationToken);
            }
            catch (Exception exception) when (exception is InputException or InvalidDataException or ApiException { Problem.Error.Status: < 500 })
            {
                mistakes.Add(new BatchMistake("invalid_input", exception.Message, Line: null));
            }
        }

        return JobEnd.Done((StoreStep)((db, token) => StoreAsync(db, batch.Id, fetched, mistakes, lines, chunks, token)));
    }

    private async Task<StoredFile> FetchAsync(BatchRow batch, CancellationToken cancellationToken)
    {
        // The same id if this step is repeated.
        var id = Ids.File + batch.Id[Ids.Batch.Length..];
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        if (await db.Files.AsNoTracking().SingleOrDefaultAsync(file => file.Id == id && file.TenantId == batch.TenantId, cancellationToken) is { } before)
        {
            return before;
        }

        await files.ThrowIfFullAsync(batch.TenantId, bytes: 1, cancellationToken);
        return await fetcher.FetchAsync(
            new Uri(batch.InputUrl!),
            async (body, token) =>
            {
                await using var bounded = new BoundedBody(body, uploads.MaxBytes);
                await blobs.WriteAsync(StoredFile.KeyOf(batch.TenantId, id), bounded, token);
                var file = files.New(id, batch.TenantId, batch.UserId, "input.jsonl", FilePurpose.Batch, bounded.BytesRead);

                // If it is refused, the bytes are left to the sweep: another worker that has taken the batch over may have stored them under the same name.
                await databases.TransactAsync((unit, unitToken) => files.AddAsync(unit, file, unitToken), token);
                return file;
            },
            cancellationToken);
    }

    private async Task<string> KeyAsync(BatchRow batch, CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        return await db.Files.Where(file => file.Id == batch.InputFileId && file.TenantId == batch.TenantId).Select(file => file.BlobKey).SingleOrDefaultAsync(cancellationToken)
            ?? throw new InputException("The input file is gone.");
    }

    // If the batch has no endpoint, the line's own URL counts. A prompt that contains this text only makes the chunk smaller.
    private static bool MayBePictures(BatchRow batch, ReadOnlySpan<byte> line) =>
        batch.Endpoint?.Contains("/images/generat", StringComparison.Ordinal) ?? line.IndexOf("/images/generat"u8) >= 0;

    private async Task<(int Lines, int Chunks)> DivideAsync(BatchRow batch, string key, List<BatchMistake> mistakes, CancellationToken cancellationToken)
    {
        await using var input = await blobs.OpenAsync(key, range: null, cancellationToken) ?? throw new InputException("The input file is gone.");
        var seen = new HashSet<string>(StringComparer.Ordinal);
        using var chunk = new MemoryStream();
        var (lines, inChunk, chunks) = (0, 0, 0);
        await foreach (var line in LineReader.ReadAsync(input.Body, LineReader.MaxLine, cancellationToken))
        {
            if (++lines > MostLines)
            {
                throw new InputException($"The input has more than {MostLines} lines.");
            }

            if (BatchLine.CustomIdOf(line) is not { } customId)
            {
                mistakes.Add(new BatchMistake("invalid_line", "must be a JSON object with a custom_id of 1 to 256 characters.", lines));
            }
            else if (!seen.Add(customId))
            {
                mistakes.Add(new BatchMistake("duplicate_custom_id", "has a custom_id that an earlier line has.", lines));
            }

            if (mistakes.Count >= MostMistakes)
            {
                return (lines, 0);
            }

            chunk.Write(line);
            chunk.WriteByte((byte)'\n');
            inChunk += MayBePictures(batch, line) ? LinesOfPictures : 1;
            if (inChunk >= LinesOfChunk || chunk.Length > BytesOfChunk)
            {
                await FlushAsync();
            }
        }

        if (lines == 0)
        {
            throw new InputException("The input has no lines.");
        }

        if (inChunk > 0)
        {
            await FlushAsync();
        }

        return (lines, chunks);

        async Task FlushAsync()
        {
            if (mistakes.Count == 0)
            {
                chunk.Position = 0;
                await blobs.WriteAsync(batch.ChunkKey(chunks, "in"), chunk, cancellationToken);
            }

            chunk.SetLength(0);
            (inChunk, chunks) = (0, chunks + 1);
        }
    }

    private async Task StoreAsync(
        PlatformDb db, string batchId, StoredFile? fetched, List<BatchMistake> mistakes, int lines, int chunks, CancellationToken cancellationToken)
    {
        // Locks the row before it is read: a cancellation in between would be overwritten.
        await db.Batches.Where(row => row.Id == batchId).ExecuteUpdateAsync(row => row.SetProperty(one => one.Total, lines), cancellationToken);
        var now = time.GetStoredNow();
        var batch = await db.Batches.SingleAsync(row => row.Id == batchId, cancellationToken);
        if (fetched is not null)
        {
            batch.InputFileId = fetched.Id;
        }

        batch.InputUrl = null;
        if (batch.Status != BatchStatus.Validating)
        {
            (batch.Status, batch.EndedAt) = (BatchStatus.Cancelled, now);
            BatchJob.Add(db, batch, BatchStep.Finish, time);
        }
        else if (mistakes.Count > 0)
        {
            (batch.Status, batch.EndedAt) = (BatchStatus.Failed, now);
            batch.Errors = JsonSerializer.Serialize(mistakes, BatchView.Json);

            // Deletes the chunks before the mistake.
            BatchJob.Add(db, batch, BatchStep.Finish, time);
        }
        else
        {
            (batch.Status, batch.InProgressAt, batch.Chunks) = (BatchStatus.InProgress, now, chunks);
            for (var chunk = 0; chunk < chunks; chunk++)
            {
                BatchJob.Add(db, batch, BatchStep.Run, time, chunk);
            }
        }
    }
}
