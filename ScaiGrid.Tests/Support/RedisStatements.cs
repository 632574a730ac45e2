using StackExchange.Redis;

namespace ScaiGrid.Tests.Support;

/// <summary>What tests do to a Redis server from outside of the grid.</summary>
public static class RedisStatements
{
    /// <summary>All that it had is gone.</summary>
    public static async Task EmptyAsync(this RedisServer server)
    {
        await using var client = await ConnectionMultiplexer.ConnectAsync(server.Configuration + ",allowAdmin=true");
        await client.GetServer(client.GetEndPoints()[0]).FlushAllDatabasesAsync();
    }
}
