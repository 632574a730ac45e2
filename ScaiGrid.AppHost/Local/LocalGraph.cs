using ScaiGrid.AppHost.Redis;

namespace ScaiGrid.AppHost.Local;

/// <summary>Runs everything as local processes, with nothing but the .NET SDK installed: spec 01, embedded use.</summary>
internal sealed class LocalGraph(DataDirectory data, Ports ports, LocalEnvironment environment, Lines lines, StopRequest stop, TimeProvider time)
{
    private static readonly TimeSpan ReadyWithin = TimeSpan.FromMinutes(3);

    /// <summary>How long to wait for the ports of a killed AppHost's children.</summary>
    private static readonly TimeSpan LeftoverPatience = TimeSpan.FromSeconds(5);

    private readonly List<ModeProcess> _servers = [.. LocalEnvironment.Servers.Select(mode => new ModeProcess(mode, environment, lines, time))];

    public static async Task<int> RunAsync(TimeProvider time)
    {
        var lines = Lines.OfConsole();
        using var stop = new StopRequest(time);
        using var data = DataDirectory.Open();
        var secrets = BootstrapKey.Settle(data, lines);
        using var claims = new PortClaims();
        var ports = await Ports.ReadAsync(claims, data.EndedUncleanly ? LeftoverPatience : TimeSpan.Zero, time);
        using var redis = LocalEnvironment.UsesEmbeddedRedis ? await EmbeddedRedis.StartAsync(data.In("redis"), secrets.RedisPassword, claims, lines) : null;
        var environment = new LocalEnvironment(data, secrets, ports, redis?.Url);
        var exitCode = await new LocalGraph(data, ports, environment, lines, stop, time).RunAsync(secrets);
        data.MarkClean();
        return exitCode;
    }

    private async Task<int> RunAsync(Secrets secrets)
    {
        try
        {
            if (await MigrateAsync() is not 0 and var failed)
            {
                return stop.Token.IsCancellationRequested ? 0 : failed;
            }

            (secrets with { Bootstrapped = true }).Write(data.SecretsFile);
            return await ServeAsync(secrets);
        }
        catch (OperationCanceledException) when (stop.Token.IsCancellationRequested)
        {
            return 0;
        }
    }

    private async Task<int> MigrateAsync()
    {
        using var migrate = new ModeProcess(ModeGraph.Migrate, environment, lines, time);
        using var onStop = stop.Token.UnsafeRegister(static state => ((ModeProcess)state!).Stop(), migrate);
        using var onNow = stop.Now.UnsafeRegister(static state => ((ModeProcess)state!).Kill(), migrate);
        var exitCode = await migrate.RunAsync();
        if (exitCode != 0)
        {
            lines.Write(Lines.AppHost, $"migrate failed with exit code {exitCode}; nothing else was started.");
        }

        stop.Token.ThrowIfCancellationRequested();
        return exitCode;
    }

    private async Task<int> ServeAsync(Secrets secrets)
    {
        var supervised = _servers.Select(server => server.SuperviseAsync(stop.Token)).ToList();
        try
        {
            await WaitUntilReadyAsync(supervised);
            var key = await BootstrapKey.IsKnownAsync(secrets.BootstrapApiKey, ports[ModeGraph.Http], stop.Token) ? secrets.BootstrapApiKey : null;
            if (LocalEnvironment.UsesDevIdentity && key is not null)
            {
                await new DevDirectory(ports[ModeGraph.Http], key, lines).FillAsync(stop.Token);
            }

            lines.WriteBlock(Banner.Text(data, ports, key));
            var ended = await Task.WhenAny(supervised).WaitAsync(stop.Token);
            return stop.Token.IsCancellationRequested ? 0 : await ended;
        }
        finally
        {
            await new Shutdown(_servers, LocalEnvironment.DrainTimeout, lines, time).RunAsync(stop);
        }
    }

    private async Task WaitUntilReadyAsync(List<Task<int>> supervised)
    {
        using var poller = new ReadinessPoller(time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop.Token);
        limit.CancelAfter(ReadyWithin);

        // Does not wait for the development provider: the grid works without it.
        var waits = ModeGraph.Servers.ToDictionary(mode => mode, mode => poller.WaitAsync(mode, ports[mode], limit.Token));
        try
        {
            var ready = Task.WhenAll(waits.Values);
            if (await Task.WhenAny([ready, .. supervised]) != ready)
            {
                var ended = supervised.FindIndex(task => task.IsCompleted);
                var exitCode = await supervised[ended];
                throw new StartException($"{_servers[ended].Mode.Name} ended with exit code {exitCode}; its lines above say why.", exitCode);
            }

            await ready;
        }
        catch (OperationCanceledException) when (!stop.Token.IsCancellationRequested)
        {
            var missing = waits.Where(wait => !wait.Value.IsCompletedSuccessfully).Select(wait => wait.Key.Name);
            throw new StartException($"Not ready after {ReadyWithin.TotalSeconds:0} s: {string.Join(", ", missing)}.", 1);
        }
        finally
        {
            await limit.CancelAsync();
        }
    }
}
