using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Metering;

/// <summary>
/// The use of a running stream so far, in a journal file that is overwritten while the stream goes on and deleted when the call's record is on disk or in Redis. If
/// the process is killed, the note remains, and the process that ships its journal bills by it. It has the id of the call's own record, so a call is not counted twice.
/// </summary>
/// <remarks>One per stream; used only by the thread that relays the stream.</remarks>
/// <param name="journal">The journal to write to.</param>
internal sealed class UsageNote(UsageJournal journal) : IDisposable
{
    // Sorts after the segments, one of which may have the call's own record: the database keeps the record that is stored first.
    private readonly string _path = journal.NextPath("note-");
    private int _length;

    /// <summary>Estimated prompt tokens, used if the upstream does not report them; computed once.</summary>
    public long? Prompt { get; set; }

    /// <summary>Timestamp of the last write, whether or not it succeeded.</summary>
    public long WrittenAt { get; private set; }

    /// <summary>Overwrites the note. If the disk is full, the old one stays: the record at the end of the call has other ways to be stored.</summary>
    public void Write(UsageRecord record, long now)
    {
        WrittenAt = now;
        using var framed = new PooledBytes(1024);
        JournalLine.Of(record with { IsNote = true }).WriteTo(framed);

        // Line feeds overwrite the rest of a longer note; the reader skips empty lines.
        var padding = Math.Max(_length - framed.Length, 0);
        framed.GetSpan(padding)[..padding].Fill((byte)'\n');
        framed.Advance(padding);
        try
        {
            using var file = File.OpenHandle(_path, FileMode.OpenOrCreate, FileAccess.Write);
            RandomAccess.Write(file, framed.Span, 0);
            _length = framed.Length;
        }
        catch (Exception exception) when (UsageJournal.IsOfDisk(exception))
        {
            // The next write tries again.
        }
    }

    /// <summary>Deletes the note; called once the call's own record is on disk or in Redis.</summary>
    public void Dispose()
    {
        try
        {
            File.Delete(_path);
        }
        catch (Exception exception) when (UsageJournal.IsOfDisk(exception))
        {
            // The next process ships it as a second record of the call, which is then not stored.
        }
    }
}
