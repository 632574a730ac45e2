using System.IO.Compression;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Security;

namespace ScaiGrid.Platform.Snapshot;

/// <summary>
/// The last snapshot in the data directory, for a replica that starts while the database is unavailable: its rows, compressed and encrypted with
/// the secret key. Credentials in the rows are encrypted as in the database in addition.
/// </summary>
internal sealed partial class SnapshotFile(HostSettings host, SnapshotOptions options, SecretBox box, TimeProvider time, ILogger<SnapshotFile> logger)
{
    /// <summary>A temporary file that is older than this belongs to a process that was killed.</summary>
    private static readonly TimeSpan LongestWrite = TimeSpan.FromHours(1);

    private readonly string _path = Path.Combine(host.DataDirectory, "snapshot.sealed");

    /// <summary>The content of a file with these rows, as they are now.</summary>
    public byte[] Seal(SnapshotRows rows) => box.Seal(Compress(rows), Owner(rows));

    public async Task WriteAsync(byte[] content, CancellationToken cancellationToken)
    {
        // Replicas that share a data directory replace each other's file, so each writes to a unique name first. The process id would not be unique: in
        // containers it is 1.
        var own = $"{_path}.{Ulid.NewUlid(time.GetUtcNow())}";
        try
        {
            Directory.CreateDirectory(host.DataDirectory);
            RemoveLeft();
            await File.WriteAllBytesAsync(own, content, cancellationToken);
            File.Move(own, _path, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            SnapshotNotKept(exception.Message);
        }
        finally
        {
            TryDelete(own);
        }
    }

    /// <summary>Restores the rows. Throws one of many exceptions for a file that is damaged, of another version, or encrypted with another key.</summary>
    /// <returns>The file's revision, and the time since the database confirmed it; null if there is no file, or it is too old.</returns>
    public async Task<(long Revision, TimeSpan Age)?> ReadAsync(SnapshotRows rows, CancellationToken cancellationToken)
    {
        if (!File.Exists(_path))
        {
            return null;
        }

        using var document = Decompress(box.Open(await File.ReadAllBytesAsync(_path, cancellationToken), Owner(rows)));
        var confirmedAt = document.RootElement.GetProperty("confirmed_at").GetDateTimeOffset();
        var age = time.GetUtcNow() - confirmedAt;
        if (age > options.MaxRestoredAge)
        {
            SnapshotTooOld(confirmedAt, options.MaxRestoredAge);
            return null;
        }

        rows.Restore(document.RootElement.GetProperty("rows"));
        return (document.RootElement.GetProperty("revision").GetInt64(), age);
    }

    /// <summary>Authenticated with the file: a file of another version, whose rows have another shape, cannot be opened.</summary>
    internal static string Owner(SnapshotRows rows) => $"snapshot-file\n{rows.Shape}";

    /// <summary>Removes temporary files of processes that were killed.</summary>
    private void RemoveLeft()
    {
        var before = (time.GetUtcNow() - LongestWrite).UtcDateTime;

        // The pattern also matches the file itself.
        foreach (var left in Directory.EnumerateFiles(host.DataDirectory, $"{Path.GetFileName(_path)}.*").Where(file => file != _path && File.GetLastWriteTimeUtc(file) < before))
        {
            TryDelete(left);
        }
    }

    private static void TryDelete(string file)
    {
        try
        {
            File.Delete(file);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The file stays; the next write tries again.
        }
    }

    private byte[] Compress(SnapshotRows rows)
    {
        using var buffer = new MemoryStream();
        using (var compressed = new BrotliStream(buffer, CompressionLevel.Fastest, leaveOpen: true))
        using (var writer = new Utf8JsonWriter(compressed))
        {
            writer.WriteStartObject();
            writer.WriteNumber("revision", rows.Revision);
            writer.WriteString("confirmed_at", time.GetUtcNow());
            writer.WritePropertyName("rows");
            rows.Write(writer);
            writer.WriteEndObject();
        }

        return buffer.ToArray();
    }

    private static JsonDocument Decompress(byte[] bytes)
    {
        using var compressed = new BrotliStream(new MemoryStream(bytes), CompressionMode.Decompress);
        return JsonDocument.Parse(compressed);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The snapshot could not be saved to disk: a start without the database would find an older one, or none. {Reason}")]
    private partial void SnapshotNotKept(string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The snapshot on disk was last confirmed at {ConfirmedAt:O}, longer ago than {MaxAge}: it is not used.")]
    private partial void SnapshotTooOld(DateTimeOffset confirmedAt, TimeSpan maxAge);
}
