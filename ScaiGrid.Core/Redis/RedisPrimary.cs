using System.Net;
using StackExchange.Redis;

namespace ScaiGrid.Core.Redis;

/// <summary>The one server that takes writes, for whoever needs a connection of their own to it. The shared client knows which it is.</summary>
/// <param name="redis">The shared client.</param>
/// <param name="configuration">How it connects.</param>
public sealed class RedisPrimary(IConnectionMultiplexer redis, ConfigurationOptions configuration)
{
    /// <summary>The longest wait for a server.</summary>
    public TimeSpan Timeout { get; } = TimeSpan.FromMilliseconds(configuration.AsyncTimeout);

    /// <summary>
    /// Null while it is not known, and wherever it may be another at any moment: behind Sentinel, on a cluster, which has several, and where
    /// more than one server is named.
    /// </summary>
    public EndPoint? Find()
    {
        if (configuration is not { ServiceName: null or "", EndPoints.Count: 1 })
        {
            return null;
        }

        var servers = redis.GetServers();
        return servers.Any(server => server.ServerType == ServerType.Cluster)
            ? null
            : servers.FirstOrDefault(server => server is { IsConnected: true, IsReplica: false })?.EndPoint;
    }

    /// <summary>Opens a connection that is ready for commands. Blocks.</summary>
    /// <exception cref="RedisException">The server does not let us in, or is not ready.</exception>
    /// <exception cref="IOException">There is no connection.</exception>
    public RedisWire Open(EndPoint endpoint) => RedisWire.Open(endpoint, configuration);
}
