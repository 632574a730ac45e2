using ScaiGrid.Inference.Metering;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Inference;

/// <summary>Journals of several processes on one data folder.</summary>
public sealed class UsageJournalTests
{
    /// <summary>What a replica that adopts the journals of dead ones does, without a pause, while others begin theirs.</summary>
    [Fact]
    public void NewJournal_IsHeldByItsMaker_WhoeverLooksMeanwhile()
    {
        using var folder = new TemporaryFolder();
        using var done = new CancellationTokenSource();
        var root = Directory.CreateDirectory(folder.File("journal")).FullName;
        Parallel.Invoke(
            () =>
            {
                try
                {
                    for (var i = 0; i < 2000; i++)
                    {
                        using var journal = new UsageJournal(folder.Path, TimeProvider.System);
                        Assert.Null(UsageJournal.Lock(journal.Folder));
                        Assert.Single(UsageJournal.Segments(journal.Folder));
                    }
                }
                finally
                {
                    done.Cancel();
                }
            },
            () =>
            {
                while (!done.IsCancellationRequested)
                {
                    Adopt(root);
                }
            });
    }

    private static void Adopt(string root)
    {
        foreach (var folder in UsageJournal.Folders(root))
        {
            using var free = UsageJournal.Lock(folder);
            if (free is not null)
            {
                foreach (var segment in UsageJournal.Segments(folder))
                {
                    File.Delete(segment);
                }

                UsageJournal.TryRemove(folder);
            }
        }
    }
}
