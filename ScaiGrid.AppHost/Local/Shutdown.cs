namespace ScaiGrid.AppHost.Local;

/// <summary>
/// Stops the servers within five seconds: first those that take requests, then the worker, which finishes what they left.
/// What is not down in time is killed; its journal is shipped at the next start.
/// </summary>
internal sealed class Shutdown(IReadOnlyList<ModeProcess> servers, Lines lines, TimeProvider time)
{
    private static readonly TimeSpan FrontsWithin = TimeSpan.FromSeconds(2.5);
    private static readonly TimeSpan AllWithin = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    public async Task RunAsync(StopRequest stop)
    {
        var started = time.GetTimestamp();
        lines.Write(Lines.AppHost, "Stopping.");
        var fronts = servers.Where(server => server.Mode != ModeGraph.Worker).ToList();
        var workers = servers.Where(server => server.Mode == ModeGraph.Worker).ToList();
        fronts.ForEach(server => server.Stop());
        if (!stop.ReachedChildren)
        {
            await WaitAsync(fronts, FrontsWithin);
        }

        // After Ctrl-C the worker is stopping already; told a second time later than now, it would take that for impatience.
        workers.ForEach(server => server.Stop());
        await WaitAsync(servers, AllWithin);
        foreach (var late in servers.Where(server => server.IsRunning))
        {
            lines.Write(Lines.AppHost, $"{late.Mode.Name} did not stop in time and is killed.");
            late.Kill();
        }

        async Task WaitAsync(IReadOnlyList<ModeProcess> some, TimeSpan limit)
        {
            while (some.Any(server => server.IsRunning) && time.GetElapsedTime(started) < limit && !stop.Now.IsCancellationRequested)
            {
                await Task.Delay(Interval, time);
            }
        }
    }
}
