using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Storage;

namespace ScaiGrid.Platform.Batch;

/// <summary>Stores the results of chunks: as notes for a worker that takes over while a chunk runs, and as result blobs at its end.</summary>
internal sealed partial class ChunkStore
{
    private const string Notes = "notes/";
    private const int ListedTogether = 500;

    private readonly IBlobStore _blobs;
    private readonly TimeProvider _time;
    private readonly string _folder;
    private readonly ILogger<ChunkStore> _logger;

    public ChunkStore(IBlobStore blobs, HostSettings host, TimeProvider time, ILogger<ChunkStore> logger)
    {
        (_blobs, _time, _folder, _logger) = (blobs, time, Path.Combine(host.DataDirectory, "batches"), logger);
        foreach (var left in Directory.CreateDirectory(_folder).EnumerateFiles())
        {
            try
            {
                // Left by a killed process. A running process keeps using the file that it has open.
                left.Delete();
            }
            catch (IOException)
            {
                // Open, on a system that does not delete open files.
            }
        }
    }

    /// <summary>Opens a chunk's results with those that were saved in notes.</summary>
    /// <exception cref="ApiException">The store is unavailable, or the data folder's disk is full.</exception>
    public async Task<ChunkResults> OpenAsync(BatchRow batch, int number, CancellationToken cancellationToken)
    {
        try
        {
            return await ReadNotesAsync(batch, number, cancellationToken);
        }
        catch (IOException exception)
        {
            // The disk is full. As while the store is unavailable, the chunk waits, without using an attempt.
            NotOpened(exception.Message);
            throw new ApiException(CoreErrors.Unavailable);
        }
    }

    /// <summary>Saves the new results as a note. Each note has its own name: a worker that has lost the chunk without knowing it overwrites nothing.</summary>
    public Task NoteAsync(BatchRow batch, int number, ChunkResults results, CancellationToken cancellationToken) => results.NoteAsync(
        note => _blobs.WriteAsync(batch.ChunkKey(number, $"{Notes}{Ulid.NewUlid(_time.GetUtcNow())}"), note, cancellationToken));

    /// <summary>Does the same, and waits while the store is unavailable.</summary>
    public Task HandOverAsync(BatchRow batch, int number, ChunkResults results, CancellationToken cancellationToken) =>
        UntilTakenAsync(() => NoteAsync(batch, number, results, cancellationToken), cancellationToken);

    /// <summary>Writes a chunk's result blobs. Their names include the attempt, for the same reason.</summary>
    public async Task WriteAsync(BatchRow batch, int number, int attempt, ChunkResults results, CancellationToken cancellationToken)
    {
        foreach (var (succeeded, part) in new[] { (true, "out"), (false, "err") })
        {
            if (results.Count(succeeded) > 0)
            {
                await UntilTakenAsync(
                    async () =>
                    {
                        await using var lines = results.Lines(succeeded);
                        await _blobs.WriteAsync(batch.ChunkKey(number, $"{part}.{attempt}"), lines, cancellationToken);
                    },
                    cancellationToken);
            }
        }
    }

    private async Task<ChunkResults> ReadNotesAsync(BatchRow batch, int number, CancellationToken cancellationToken)
    {
        var results = new ChunkResults(Path.Combine(_folder, Ulid.NewUlid(_time.GetUtcNow()).ToString()));
        try
        {
            string? after = null;
            for (var hasMore = true; hasMore;)
            {
                var page = await _blobs.ListAsync(batch.ChunkKey(number, Notes), after, ListedTogether, cancellationToken);
                foreach (var note in page.Items)
                {
                    await using var content = await _blobs.OpenAsync(note.Key, range: null, cancellationToken);
                    if (content is not null)
                    {
                        await results.TakeInAsync(content.Body, cancellationToken);
                    }

                    after = note.Key;
                }

                hasMore = page.HasMore;
            }

            return results;
        }
        catch
        {
            results.Dispose();
            throw;
        }
    }

    // The results are paid for: they are kept until the store accepts them.
    private async Task UntilTakenAsync(Func<Task> write, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await write();
                return;
            }
            catch (ApiException exception) when (exception.Problem.Error.Status >= 500)
            {
                await Task.Delay(BatchHandler.StoreRetry, _time, cancellationToken);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The results of a batch cannot be opened in the data folder ({Reason}); their chunk waits.")]
    private partial void NotOpened(string reason);
}
