using Microsoft.Extensions.Logging;

namespace ScaiGrid.Inference.Metering;

/// <summary>Takes over the journals that dead processes left in the data directory.</summary>
internal sealed partial class AbandonedJournals(UsageJournal journal, ILogger<AbandonedJournals> logger)
{
    /// <summary>Moves their files into this process's folder. A move is atomic, so a file can be found again at any moment.</summary>
    /// <param name="files">Receives the files.</param>
    /// <param name="failed">Called with each failure.</param>
    public void Adopt(Queue<JournalFile> files, Action<Exception> failed)
    {
        foreach (var folder in UsageJournal.Folders(journal.Root).Where(folder => folder != journal.Folder))
        {
            try
            {
                Adopt(folder, files);
            }
            catch (DirectoryNotFoundException)
            {
                // Another process was faster.
            }
            catch (Exception exception) when (UsageJournal.IsOfDisk(exception))
            {
                // One broken folder must not hold up the other folders or new usage.
                failed(exception);
            }
        }
    }

    private void Adopt(string folder, Queue<JournalFile> files)
    {
        using var held = UsageJournal.Lock(folder);
        if (held is null)
        {
            return;
        }

        foreach (var found in UsageJournal.Segments(folder))
        {
            var (path, length) = (journal.NextPath(), new FileInfo(found).Length);
            File.Move(found, path);
            files.Enqueue(new JournalFile(path, length, isAbandoned: true));
        }

        if (UsageJournal.TryRemove(folder))
        {
            JournalAdopted(folder);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Took over the usage that an earlier process left in {Journal}.")]
    private partial void JournalAdopted(string journal);
}
