using System.Net;
using StackExchange.Redis;

namespace ScaiGrid.Core.Redis;

/// <summary>Finds the server that accepts writes, for code that needs a connection of its own to it.</summary>
/// <param name="redis">The shared client.</param>
/// <param name="configuration">The shared client's options.</param>
public sealed class RedisPrimary(IConnectionMultiplexer redis, ConfigurationOptions configuration)
{
    /// <summary>How long to wait for the server.</summary>
    public TimeSpan Timeout { get; } = TimeSpan.FromMilliseconds(configuration.AsyncTimeout);

    /// <summary>
    /// Finds the primary. Null while it is not known, and where it may change at any moment or is not unique: behind Sentinel, on a cluster, and
    /// if more than one server is configured.
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

    /// <summary>Opens a connection that is ready for commands. Blocking.</summary>
    /// <exception cref="RedisException">The server rejects the credentials, or is not ready.</exception>
    /// <exception cref="IOException">The connection failed.</exception>
    public RedisWire Open(EndPoint endpoint) => RedisWire.Open(endpoint, configuration);
}
