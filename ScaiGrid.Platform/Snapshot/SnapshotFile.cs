using System.IO.Compression;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Security;

namespace ScaiGrid.Platform.Snapshot;

/// <summary>
/// The last snapshot on the data folder, for a replica that starts while the database is away: the rows, compressed, and sealed under
/// the secret key, with the credentials inside sealed once more as they are in the database.
/// </summary>
internal sealed partial class SnapshotFile(HostSettings host, SnapshotOptions options, SecretBox box, TimeProvider time, ILogger<SnapshotFile> logger)
{
    /// <summary>No process still writes a file that was last touched before.</summary>
    private static readonly TimeSpan LongestWrite = TimeSpan.FromHours(1);

    private readonly string _path = Path.Combine(host.DataDirectory, "snapshot.sealed");

    public async Task WriteAsync(SnapshotRows rows, CancellationToken cancellationToken)
    {
        var bytes = Compress(rows);

        // Replicas that share a data folder replace each other's file: each writes one of its own first. In containers all of them are process 1.
        var own = $"{_path}.{Ulid.NewUlid(time.GetUtcNow())}";
        try
        {
            Directory.CreateDirectory(host.DataDirectory);
            RemoveLeft();
            await File.WriteAllBytesAsync(own, box.Seal(bytes, Owner(rows)), cancellationToken);
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

    /// <summary>Takes the rows back. A file that is damaged, of another version or under another key throws one of many exceptions.</summary>
    /// <returns>The database's revision then, and the time since it last confirmed it; null when there is no file, or one that is too old.</returns>
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

    /// <summary>Authenticated with the file: one whose rows have another shape, which a version before or after wrote, is not read.</summary>
    internal static string Owner(SnapshotRows rows) => $"snapshot-file\n{rows.Shape}";

    /// <summary>Removes what processes began to write that were killed.</summary>
    private void RemoveLeft()
    {
        var before = (time.GetUtcNow() - LongestWrite).UtcDateTime;

        // The pattern matches the good file as well.
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
            // It takes some room; the next write tries again.
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "The snapshot could not be kept on disk: a start without the database would find an older one, or none. {Reason}")]
    private partial void SnapshotNotKept(string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The snapshot on disk was last confirmed at {ConfirmedAt:O}, longer ago than {MaxAge}: it is not used.")]
    private partial void SnapshotTooOld(DateTimeOffset confirmedAt, TimeSpan maxAge);
}
