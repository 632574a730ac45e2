using System.IO.Compression;
using System.Security.Cryptography;
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
    /// <summary>Authenticated with the file: another version's is not read.</summary>
    private const string Owner = "snapshot-file-2";

    private readonly string _path = Path.Combine(host.DataDirectory, "snapshot.sealed");

    public async Task WriteAsync(SnapshotRows rows, CancellationToken cancellationToken)
    {
        var bytes = Compress(rows);

        // Replicas that share a data folder replace each other's file: each writes one of its own first.
        var own = $"{_path}.{Environment.ProcessId}";
        try
        {
            Directory.CreateDirectory(host.DataDirectory);
            await File.WriteAllBytesAsync(own, box.Seal(bytes, Owner), cancellationToken);
            File.Move(own, _path, overwrite: true);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            SnapshotNotKept(exception.Message);
        }
    }

    /// <returns>Null when there is no file, or none that can and may be used.</returns>
    public async Task<StoredSnapshot?> ReadAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (!File.Exists(_path))
            {
                return null;
            }

            var document = Decompress(box.Open(await File.ReadAllBytesAsync(_path, cancellationToken), Owner));
            var confirmedAt = document.RootElement.GetProperty("confirmed_at").GetDateTimeOffset();
            var stored = new StoredSnapshot(document, document.RootElement.GetProperty("revision").GetInt64(), time.GetUtcNow() - confirmedAt);
            if (stored.Age <= options.MaxRestoredAge)
            {
                return stored;
            }

            document.Dispose();
            SnapshotTooOld(confirmedAt, options.MaxRestoredAge);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or CryptographicException or InvalidDataException
            or JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            SnapshotUnreadable(exception.Message);
        }

        return null;
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "The snapshot on disk cannot be used: {Reason}")]
    private partial void SnapshotUnreadable(string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The snapshot on disk was last confirmed at {ConfirmedAt:O}, longer ago than {MaxAge}: it is not used.")]
    private partial void SnapshotTooOld(DateTimeOffset confirmedAt, TimeSpan maxAge);
}

/// <param name="Document">The whole file.</param>
/// <param name="Revision">Of the database then.</param>
/// <param name="Age">Since the database last confirmed it.</param>
internal sealed record StoredSnapshot(JsonDocument Document, long Revision, TimeSpan Age) : IDisposable
{
    public JsonElement Rows => Document.RootElement.GetProperty("rows");

    public void Dispose() => Document.Dispose();
}
