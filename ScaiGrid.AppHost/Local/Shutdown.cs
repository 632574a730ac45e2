namespace ScaiGrid.AppHost.Local;

/// <summary>
/// Stops the servers: first those that accept requests, then the worker, which finishes the remaining work. Each has its drain timeout plus some time;
/// with the local default, all of it takes at most five seconds. Processes that are not down in time are killed; their journals are shipped at the
/// next start.
/// </summary>
internal sealed class Shutdown(IReadOnlyList<ModeProcess> servers, TimeSpan drain, Lines lines, TimeProvider time)
{
    /// <summary>The time a mode needs in addition to its drain, to ship its journal and close its connections.</summary>
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

        // After Ctrl-C the worker is already stopping; a later second signal would make it end at once.
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
