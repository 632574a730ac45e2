using StackExchange.Redis;

namespace ScaiGrid.Tests.Support;

/// <summary>Commands of tests to a Redis server, from outside of the grid.</summary>
public static class RedisStatements
{
    /// <summary>Deletes all data.</summary>
    public static async Task EmptyAsync(this RedisServer server)
    {
        await using var client = await ConnectAsync(server);
        await client.GetServer(client.GetEndPoints()[0]).FlushAllDatabasesAsync();
    }

    /// <summary>Removes all cached scripts.</summary>
    public static async Task ForgetScriptsAsync(this RedisServer server)
    {
        await using var client = await ConnectAsync(server);
        await client.GetServer(client.GetEndPoints()[0]).ScriptFlushAsync();
    }

    /// <summary>Adds a user with a password, in addition to existing ones.</summary>
    public static async Task AddUserAsync(this RedisServer server, string name, string password)
    {
        await using var client = await ConnectAsync(server);
        await client.GetDatabase().ExecuteAsync("ACL", "SETUSER", name, "on", $">{password}", "~*", "&*", "+@all");
    }

    /// <summary>Forbids or allows a command.</summary>
    public static async Task AllowAsync(this RedisServer server, string command, bool isAllowed)
    {
        await using var client = await ConnectAsync(server);
        await client.GetDatabase().ExecuteAsync("ACL", "SETUSER", "default", $"{(isAllowed ? '+' : '-')}{command}");
    }

    /// <summary>The number of keys in one of its databases.</summary>
    public static async Task<long> CountKeysAsync(this RedisServer server, int database)
    {
        await using var client = await ConnectAsync(server);
        return await client.GetServer(client.GetEndPoints()[0]).DatabaseSizeAsync(database);
    }

    /// <summary>The number of keys whose names match a pattern.</summary>
    public static async Task<int> CountKeysAsync(this RedisServer server, string pattern)
    {
        await using var client = await ConnectAsync(server);
        return client.GetServer(client.GetEndPoints()[0]).Keys(pattern: pattern).Count();
    }

    /// <summary>The names and last commands of its clients, one line each.</summary>
    public static async Task<IReadOnlyList<string>> ClientsAsync(this RedisServer server)
    {
        await using var client = await ConnectAsync(server);
        return ((string)(await client.GetDatabase().ExecuteAsync("CLIENT", "LIST"))!).Split('\n');
    }

    /// <summary>Saves the current values of some keys.</summary>
    public static async Task<RedisMemory> RememberAsync(this RedisServer server, params string[] patterns)
    {
        await using var client = await ConnectAsync(server);
        var values = new Dictionary<string, byte[]?>();
        foreach (var pattern in patterns)
        {
            await foreach (var key in client.GetServer(client.GetEndPoints()[0]).KeysAsync(pattern: pattern))
            {
                values[key!] = await client.GetDatabase().KeyDumpAsync(key);
            }
        }

        return new RedisMemory(server, values);
    }

    internal static Task<ConnectionMultiplexer> ConnectAsync(RedisServer server) => ConnectionMultiplexer.ConnectAsync(server.Configuration + ",allowAdmin=true");
}

/// <summary>The saved values of some keys.</summary>
public sealed class RedisMemory(RedisServer server, IReadOnlyDictionary<string, byte[]?> values)
{
    /// <summary>Restores the values: the server loses what was done to them since.</summary>
    public async Task RestoreAsync()
    {
        await using var client = await RedisStatements.ConnectAsync(server);
        foreach (var (key, value) in values)
        {
            await client.GetDatabase().KeyDeleteAsync(key);
            await client.GetDatabase().KeyRestoreAsync(key, value!);
        }
    }
}
