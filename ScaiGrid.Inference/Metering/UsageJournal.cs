using ScaiGrid.Core;

namespace ScaiGrid.Inference.Metering;

/// <summary>
/// The replica's own record of usage, in files under <c>{data_dir}/journal/{instance}/</c>. An append is one positional write into the
/// page cache: it survives the death of the process (kill -9), not of the machine. <see cref="UsageShipper"/> empties it.
/// </summary>
/// <remarks>The folder is held by an exclusive lock file, which the system lets go when the process dies.</remarks>
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

    /// <summary>The folder of all journals on this data directory.</summary>
    public string Root { get; }

    /// <summary>This process's own folder.</summary>
    public string Folder { get; }

    /// <summary>Bytes of the records in the open segment.</summary>
    public long ActiveLength => _active.Length;

    /// <summary>Bytes of its file.</summary>
    public long ActiveExtent => _active.Extent;

    /// <exception cref="IOException">The disk is full or broken: the record is not in the journal.</exception>
    internal void Append(JournalLine line)
    {
        while (!_active.TryAppend(line))
        {
            // Sealed between the read and the write: the next one is in place already.
        }
    }

    /// <summary>Opens a new segment and seals the one before.</summary>
    /// <returns>The sealed segment, closed, once no writer is in it.</returns>
    /// <exception cref="IOException">A new segment cannot be made; the open one stays.</exception>
    internal async Task<JournalSegment> RotateAsync()
    {
        var next = Create();
        using var previous = Interlocked.Exchange(ref _active, next);
        previous.Seal();
        while (!previous.IsQuiet)
        {
            await Task.Delay(1);
        }

        return previous;
    }

    /// <summary>A path in the own folder for one more file.</summary>
    /// <param name="kind">What its name begins with; a segment's with its number.</param>
    internal string NextPath(string kind = "") => Path.Combine(Folder, $"{kind}{Interlocked.Increment(ref _segments):D10}.jsonl");

    /// <summary>Segments of a journal folder, oldest first.</summary>
    public static IEnumerable<string> Segments(string folder) => Directory.EnumerateFiles(folder, "*.jsonl").Order(StringComparer.Ordinal);

    /// <summary>The folders of all journals on this data directory, whoever holds them.</summary>
    public static IEnumerable<string> Folders(string root) =>
        Directory.EnumerateDirectories(root).Where(folder => !Path.GetFileName(folder).StartsWith(NewbornPrefix, StringComparison.Ordinal));

    /// <summary>Takes a journal folder for this process; null while a living process holds it.</summary>
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
    /// Removes the folder of a journal that was shipped, while it is held. The lock goes before the folder and nothing by a wildcard: whoever
    /// takes the folder in between keeps what is theirs.
    /// </summary>
    /// <returns>False where somebody took it.</returns>
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

    /// <summary>Whether the disk is full or broken, or a file is not ours.</summary>
    internal static bool IsOfDisk(Exception exception) => exception is IOException or UnauthorizedAccessException;

    public void Dispose()
    {
        _active.Dispose();
        _lock.Dispose();
    }

    /// <summary>A folder that is held from its first moment: it is made and locked under a name that nobody adopts, then gets its own.</summary>
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
