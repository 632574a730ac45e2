namespace ScaiGrid.ServiceDefaults;

/// <summary>
/// Ends this process when its parent has died. The parent holds the other end of our standard input, which the kernel closes however the parent
/// dies, kill -9 included. Active only if SCAIGRID_EXIT_WITH_STDIN is true.
/// </summary>
public static class ParentWatch
{
    private static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(2);
    private static readonly CancellationTokenSource Ended = new();
    private static int _started;

    /// <summary>Cancelled when the parent has died; the process then has two seconds to end by itself.</summary>
    public static CancellationToken Gone => Ended.Token;

    /// <summary>
    /// Starts watching; later calls do nothing. AddServiceDefaults calls it; a program without a host must call it first.
    /// </summary>
    public static void Start()
    {
        if (!bool.TryParse(Environment.GetEnvironmentVariable("SCAIGRID_EXIT_WITH_STDIN"), out var enabled) || !enabled)
        {
            return;
        }

        // A thread of its own: the read blocks for the life of the process, and must work even if the thread pool is exhausted.
        if (Interlocked.Exchange(ref _started, 1) == 0)
        {
            new Thread(Watch) { IsBackground = true, Name = nameof(ParentWatch) }.Start();
        }
    }

    private static void Watch()
    {
        WaitForEnd();
        _ = Ended.CancelAsync();
        using var grace = new ManualResetEventSlim();
        grace.Wait(StopGrace);
        Environment.Exit(1);
    }

    private static void WaitForEnd()
    {
        using var input = Console.OpenStandardInput();
        Span<byte> ignored = stackalloc byte[256];
        try
        {
            while (input.Read(ignored) > 0)
            {
            }
        }
        catch (IOException)
        {
            // A pipe that cannot be read has lost its parent.
        }
    }
}
