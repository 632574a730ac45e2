using System.Globalization;

namespace ScaiGrid.Tests.Support;

/// <summary>
/// A file system of one megabyte in memory, which a test can fill. It is mounted in its own namespace: programs started in it see it at
/// <see cref="Path"/>, others at <see cref="View"/>. It outlives these programs and ends with the test.
/// </summary>
public sealed class SmallDisk : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly TemporaryFolder _folder;
    private readonly ServerProcess _holder;

    private SmallDisk(TemporaryFolder folder, ServerProcess holder) => (_folder, _holder) = (folder, holder);

    public string Path => _folder.Path;

    public string View => $"/proc/{_holder.Id}/root{Path}";

    /// <summary>The prefix of a command that must see the disk.</summary>
    public IReadOnlyList<string> Enter => ["nsenter", $"--target={_holder.Id.ToString(CultureInfo.InvariantCulture)}", "--user", "--mount", "--preserve-credentials"];

    private string Ballast => $"{View}/ballast";

    /// <summary>Mounts it. Requires a kernel that allows unprivileged namespaces.</summary>
    public static async Task<SmallDisk> MountAsync()
    {
        // The process that holds the namespace ends with its standard input, at the latest when this process ends.
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

    /// <summary>Uses up all remaining room.</summary>
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
            // The disk is full.
        }
    }

    /// <summary>Frees some of it.</summary>
    public void Free(int bytes)
    {
        using var ballast = new FileStream(Ballast, FileMode.Open);
        ballast.SetLength(ballast.Length - bytes);
    }

    /// <summary>Frees all of it.</summary>
    public void Free() => File.Delete(Ballast);

    public async ValueTask DisposeAsync()
    {
        await _holder.DisposeAsync();
        _folder.Dispose();
    }
}
