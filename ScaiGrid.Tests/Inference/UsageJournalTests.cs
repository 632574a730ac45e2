using System.Text;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Inference;

/// <summary>Journals of several processes in one data folder.</summary>
public sealed class UsageJournalTests
{
    /// <summary>One thread adopts the journals of dead processes without a pause, while another creates new journals.</summary>
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

    /// <summary>A hole is what a temporarily full disk leaves.</summary>
    [Fact]
    public void HoleBetweenRecords_TakesNoMoreMemoryThanAPiece()
    {
        const int Hole = 10_000_000;
        const int Piece = 64 * 1024;
        using var folder = new TemporaryFolder();
        var path = folder.File("0000000001.jsonl");
        File.WriteAllText(path, "\n{\"id\":\"usage_1\",\"tenant_id\":\"tnt_1\"}\n\n{\"id\":\"usage_bro");
        using (var stream = File.OpenWrite(path))
        {
            stream.Seek(Hole, SeekOrigin.End);
            stream.Write("\n{\"id\":\"usage_2\",\"tenant_id\":\"tnt_1\"}\n"u8);
        }

        var file = new JournalFile(path, new FileInfo(path).Length);
        var (ids, position, isGone) = (new List<string>(), 0L, false);
        while (!isGone)
        {
            var piece = file.Read();
            Assert.InRange(piece.End - position, 1, Piece);
            position = piece.End;
            ids.AddRange(piece.Lines.Select(line => Encoding.UTF8.GetString(line.Id.Span)));
            isGone = file.Pass(piece);
        }

        Assert.Equal(["usage_1", "usage_2"], ids);
        Assert.False(File.Exists(path));
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
