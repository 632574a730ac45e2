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

    /// <summary>Null while it is not known, and always on a cluster, which has several, and behind Sentinel, where it may be another at any moment.</summary>
    public EndPoint? Find()
    {
        if (configuration.ServiceName is { Length: > 0 })
        {
            return null;
        }

        EndPoint? found = null;
        foreach (var server in redis.GetServers())
        {
            if (server.ServerType == ServerType.Cluster)
            {
                return null;
            }

            if (!server.IsConnected || server.IsReplica)
            {
                continue;
            }

            if (found is not null)
            {
                return null;
            }

            found = server.EndPoint;
        }

        return found;
    }

    /// <summary>Opens a connection that is ready for commands. Blocks.</summary>
    /// <exception cref="RedisException">The server does not let us in, or is not ready.</exception>
    /// <exception cref="IOException">There is no connection.</exception>
    public RedisWire Open(EndPoint endpoint) => RedisWire.Open(endpoint, configuration);
}
