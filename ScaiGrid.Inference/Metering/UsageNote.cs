using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Metering;

/// <summary>
/// What a stream under way has used so far, in a file of the journal that is written over as it goes on and deleted once the call is settled: when the process is
/// killed, the note stays, and whoever ships its journal bills by it. It has the id that the call's own record has, so a call is never counted by both.
/// </summary>
/// <remarks>One for each stream; only who relays the stream may use it.</remarks>
/// <param name="journal">Where it is written.</param>
internal sealed class UsageNote(UsageJournal journal) : IDisposable
{
    // Sorts behind the segments, one of which may have the call's own record: in the database the first that is stored counts.
    private readonly string _path = journal.NextPath("note-");
    private int _length;

    /// <summary>Tokens of the prompt, where the upstream does not say them; guessed once.</summary>
    public long? Prompt { get; set; }

    /// <summary>Timestamp of the last time that it was written over, or should have been.</summary>
    public long WrittenAt { get; private set; }

    /// <summary>Writes it over. Where the disk is full it stays as it was: the record at the call's end has ways of its own then.</summary>
    public void Write(UsageRecord record, long now)
    {
        WrittenAt = now;
        using var framed = new PooledBytes(1024);
        JournalLine.Of(record with { IsNote = true }).WriteTo(framed);

        // Nothing of a longer one stays behind it; who reads it passes over empty lines.
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
            // Tried again with the next one.
        }
    }

    /// <summary>The call is settled.</summary>
    public void Dispose()
    {
        try
        {
            File.Delete(_path);
        }
        catch (Exception exception) when (UsageJournal.IsOfDisk(exception))
        {
            // Shipped after this process's end, as another record of a call that has one: it is not stored then.
        }
    }
}
