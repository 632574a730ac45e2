namespace ScaiGrid.AppHost.Local;

/// <summary>
/// Stops the servers: first those that take requests, then the worker, which finishes what they left. Each has its drain and moments more: with
/// the drain of a laptop all of it is five seconds. What is not down in time is killed; its journal is shipped at the next start.
/// </summary>
internal sealed class Shutdown(IReadOnlyList<ModeProcess> servers, TimeSpan drain, Lines lines, TimeProvider time)
{
    /// <summary>What a mode needs besides its drain: to ship its journal, to close its connections.</summary>
    private static readonly TimeSpan FrontsNeed = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan WorkerNeeds = TimeSpan.FromSeconds(1);
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
            await WaitAsync(fronts, drain + FrontsNeed);
        }

        // After Ctrl-C the worker is stopping already; told a second time later than now, it would take that for impatience.
        workers.ForEach(server => server.Stop());
        await WaitAsync(servers, drain + FrontsNeed + drain + WorkerNeeds);
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
