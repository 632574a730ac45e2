using Microsoft.Extensions.Logging;

namespace ScaiGrid.Inference.Metering;

/// <summary>The journals that dead processes left on the data directory.</summary>
internal sealed partial class AbandonedJournals(UsageJournal journal, ILogger<AbandonedJournals> logger)
{
    /// <summary>Moves their files into the own folder. Each has one name at any moment, under which it is found again.</summary>
    /// <param name="files">Gets them.</param>
    /// <param name="failed">Is told what stood in the way.</param>
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
                // A folder of somebody else's holds up neither the next one nor what is new.
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
            files.Enqueue(new JournalFile(path, length));
        }

        if (UsageJournal.TryRemove(folder))
        {
            JournalAdopted(folder);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Took over the usage that a process before left in {Journal}.")]
    private partial void JournalAdopted(string journal);
}
