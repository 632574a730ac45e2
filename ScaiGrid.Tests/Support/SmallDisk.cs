using System.Globalization;

namespace ScaiGrid.Tests.Support;

/// <summary>
/// A file system of one megabyte in memory, which a test can fill. It is mounted in a namespace of its own: programs that are started in it
/// see it at <see cref="Path"/>, everybody else at <see cref="View"/>. It outlives these programs, and is gone with the test.
/// </summary>
public sealed class SmallDisk : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly TemporaryFolder _folder;
    private readonly ServerProcess _holder;

    private SmallDisk(TemporaryFolder folder, ServerProcess holder) => (_folder, _holder) = (folder, holder);

    public string Path => _folder.Path;

    public string View => $"/proc/{_holder.Id}/root{Path}";

    /// <summary>What comes before a command that is to run where the disk is.</summary>
    public IReadOnlyList<string> Enter => ["nsenter", $"--target={_holder.Id.ToString(CultureInfo.InvariantCulture)}", "--user", "--mount", "--preserve-credentials"];

    private string Ballast => $"{View}/ballast";

    /// <summary>Mounts it. Needs a kernel that lets everybody make namespaces.</summary>
    public static async Task<SmallDisk> MountAsync()
    {
        // Whoever holds the namespace ends when its standard input does, at the latest with this process.
        var folder = new TemporaryFolder();
        var holder = ServerProcess.Start(
            "unshare", ["--user", "--map-root-user", "--mount", "sh", "-c", "mount -t tmpfs -o size=1m none \"$0\" && echo mounted && exec cat", folder.Path]);
        var disk = new SmallDisk(folder, holder);
        await Poll.UntilAsync(() => Task.FromResult(holder.HasExited || holder.Output.Contains("mounted", StringComparison.Ordinal)), "a small disk", Patience);
        if (holder.HasExited)
        {
            var reason = holder.Output;
            await disk.DisposeAsync();
            Requirement.NotAllowed($"This system lets nobody mount a file system in a namespace: {reason}");
        }

        return disk;
    }

    /// <summary>Takes all room that is left.</summary>
    public void Fill()
    {
        using var ballast = new FileStream(Ballast, FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        try
        {
            while (true)
            {
                ballast.Write(new byte[4096]);
            }
        }
        catch (IOException)
        {
            // It is full.
        }
    }

    /// <summary>Gives some of it back.</summary>
    public void Free(int bytes)
    {
        using var ballast = new FileStream(Ballast, FileMode.Open);
        ballast.SetLength(ballast.Length - bytes);
    }

    /// <summary>Gives all of it back.</summary>
    public void Free() => File.Delete(Ballast);

    public async ValueTask DisposeAsync()
    {
        await _holder.DisposeAsync();
        _folder.Dispose();
    }
}
