using ScaiGrid.Core;

namespace ScaiGrid.Inference.Metering;

/// <summary>
/// This replica's usage records on disk, in files under <c>{data_dir}/journal/{instance}/</c>. An append is one positional write into the
/// page cache: it survives the death of the process (kill -9), not of the machine. <see cref="UsageShipper"/> empties the journal.
/// </summary>
/// <remarks>The folder is held by an exclusive lock file, which the operating system releases when the process dies.</remarks>
public sealed class UsageJournal : IDisposable
{
    private const string LockName = "lock";
    private const string NewbornPrefix = ".";

    private readonly FileStream _lock;
    private volatile JournalSegment _active;
    private int _segments;

    public UsageJournal(string dataDirectory, TimeProvider time)
    {
        Root = Path.Combine(dataDirectory, "journal");
        (Folder, _lock) = Take(Ids.New("journal", time));
        _active = Create();
    }

    /// <summary>The folder of all journals in this data directory.</summary>
    public string Root { get; }

    /// <summary>This process's own folder.</summary>
    public string Folder { get; }

    /// <summary>Bytes of the records in the open segment.</summary>
    public long ActiveLength => _active.Length;

    /// <summary>Bytes of the open segment's file, including holes.</summary>
    public long ActiveExtent => _active.Extent;

    /// <exception cref="IOException">The disk is full or broken: the record is not in the journal.</exception>
    internal void Append(JournalLine line)
    {
        while (!_active.TryAppend(line))
        {
            // Sealed in between: a newer segment is already in place.
        }
    }

    /// <summary>Opens a new segment and seals the previous one.</summary>
    /// <returns>The sealed segment, once it has no writer any more; its file is closed.</returns>
    /// <exception cref="IOException">A new segment cannot be created; the open one stays open.</exception>
    internal async Task<JournalSegment> RotateAsync()
    {
        var next = Create();
        using var previous = Interlocked.Exchange(ref _active, next);
        previous.Seal();
        while (!previous.IsQuiet)
        {
            // Real time, whatever the clock: other threads are in the middle of a write.
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System);
        }

        return previous;
    }

    /// <summary>A new path in this process's folder.</summary>
    /// <param name="kind">Prefix of the file name; empty for a segment.</param>
    internal string NextPath(string kind = "") => Path.Combine(Folder, $"{kind}{Interlocked.Increment(ref _segments):D10}.jsonl");

    /// <summary>Segments of a journal folder, oldest first.</summary>
    public static IEnumerable<string> Segments(string folder) => Directory.EnumerateFiles(folder, "*.jsonl").Order(StringComparer.Ordinal);

    /// <summary>The folders of all journals in this data directory, whether locked or not.</summary>
    public static IEnumerable<string> Folders(string root) =>
        Directory.EnumerateDirectories(root).Where(folder => !Path.GetFileName(folder).StartsWith(NewbornPrefix, StringComparison.Ordinal));

    /// <summary>Locks a journal folder for this process; null if another process holds it.</summary>
    public static FileStream? Lock(string folder)
    {
        try
        {
            return new FileStream(Path.Combine(folder, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>
    /// Removes a shipped journal's folder, whose lock the caller holds. Deletes the lock file and then the folder only if it is empty: what a
    /// process writes that locks the folder in between is kept.
    /// </summary>
    /// <returns>False if the folder is not empty, or another process locked it.</returns>
    public static bool TryRemove(string folder)
    {
        try
        {
            File.Delete(Path.Combine(folder, LockName));
            Directory.Delete(folder);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Whether an exception means that the disk is full or broken, or that a file is not accessible.</summary>
    internal static bool IsOfDisk(Exception exception) => exception is IOException or UnauthorizedAccessException;

    public void Dispose()
    {
        _active.Dispose();
        _lock.Dispose();
    }

    /// <summary>Creates and locks a folder under a name that no process adopts, then renames it: it is never without a lock.</summary>
    private (string Folder, FileStream Lock) Take(string id)
    {
        var newborn = Path.Combine(Root, $"{NewbornPrefix}{id}");
        Directory.CreateDirectory(newborn);
        var held = Lock(newborn) ?? throw new IOException($"The usage journal {newborn} cannot be locked.");
        var folder = Path.Combine(Root, id);
        Directory.Move(newborn, folder);
        return (folder, held);
    }

    private JournalSegment Create() => new(NextPath());
}
