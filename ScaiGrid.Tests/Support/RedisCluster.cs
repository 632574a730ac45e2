using System.Globalization;

namespace ScaiGrid.Tests.Support;

/// <summary>A Redis Cluster of three masters on loopback.</summary>
public sealed class RedisCluster : IAsyncDisposable
{
    private const int Nodes = 3;

    private readonly TemporaryFolder _folder = new();
    private readonly List<ServerProcess> _processes = [];
    private readonly List<int> _ports = [];

    public string Url => $"redis+cluster://{string.Join(',', _ports.Select(port => $"127.0.0.1:{port}"))}";

    public static async Task<RedisCluster> StartAsync()
    {
        var cluster = new RedisCluster();
        for (var i = 0; i < Nodes; i++)
        {
            // Its bus listens on this port plus 10,000, which is above all ports of the tests.
            var port = FreePort.Next();
            var folder = Directory.CreateDirectory(cluster._folder.File($"{port}")).FullName;
            cluster._ports.Add(port);
            cluster._processes.Add(await ServerProcess.StartAsync(
                Requirement.Program("redis-server", "redis-server"),
                ["--port", $"{port}", "--bind", "127.0.0.1", "--dir", folder, "--appendonly", "yes", "--save", "", "--cluster-enabled", "yes", "--cluster-node-timeout", "5000"],
                port));
        }

        var client = Requirement.Program("redis-cli", "redis-tools");
        await CommandAsync(client, ["--cluster", "create", .. cluster._ports.Select(port => $"127.0.0.1:{port}"), "--cluster-replicas", "0", "--cluster-yes"]);
        foreach (var port in cluster._ports)
        {
            await Poll.UntilAsync(
                async () => (await CommandAsync(client, ["-p", port.ToString(CultureInfo.InvariantCulture), "cluster", "info"])).Contains("cluster_state:ok", StringComparison.Ordinal),
                "the cluster's nodes to agree");
        }

        return cluster;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes)
        {
            await process.DisposeAsync();
        }

        _folder.Dispose();
    }

    private static async Task<string> CommandAsync(string client, string[] arguments)
    {
        var (exitCode, output) = await ServerProcess.RunAsync(client, arguments);
        return exitCode == 0 ? output : throw new InvalidOperationException($"redis-cli {string.Join(' ', arguments)}: {output}");
    }
}
