using StackExchange.Redis;

namespace ScaiGrid.Tests.Support;

/// <summary>What tests do to a Redis server from outside of the grid.</summary>
public static class RedisStatements
{
    /// <summary>All that it had is gone.</summary>
    public static async Task EmptyAsync(this RedisServer server)
    {
        await using var client = await ConnectAsync(server);
        await client.GetServer(client.GetEndPoints()[0]).FlushAllDatabasesAsync();
    }

    /// <summary>It knows no script any more.</summary>
    public static async Task ForgetScriptsAsync(this RedisServer server)
    {
        await using var client = await ConnectAsync(server);
        await client.GetServer(client.GetEndPoints()[0]).ScriptFlushAsync();
    }

    /// <summary>Lets a user in by a password, beside whom it lets in already.</summary>
    public static async Task AddUserAsync(this RedisServer server, string name, string password)
    {
        await using var client = await ConnectAsync(server);
        await client.GetDatabase().ExecuteAsync("ACL", "SETUSER", name, "on", $">{password}", "~*", "&*", "+@all");
    }

    /// <summary>Refuses a command, or takes it again.</summary>
    public static async Task AllowAsync(this RedisServer server, string command, bool isAllowed)
    {
        await using var client = await ConnectAsync(server);
        await client.GetDatabase().ExecuteAsync("ACL", "SETUSER", "default", $"{(isAllowed ? '+' : '-')}{command}");
    }

    /// <summary>How many keys one of its databases has.</summary>
    public static async Task<long> CountKeysAsync(this RedisServer server, int database)
    {
        await using var client = await ConnectAsync(server);
        return await client.GetServer(client.GetEndPoints()[0]).DatabaseSizeAsync(database);
    }

    /// <summary>What its clients are called and ran last, a line each.</summary>
    public static async Task<IReadOnlyList<string>> ClientsAsync(this RedisServer server)
    {
        await using var client = await ConnectAsync(server);
        return ((string)(await client.GetDatabase().ExecuteAsync("CLIENT", "LIST"))!).Split('\n');
    }

    /// <summary>What some of its keys hold now.</summary>
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

/// <summary>Keys as they were at a moment.</summary>
public sealed class RedisMemory(RedisServer server, IReadOnlyDictionary<string, byte[]?> values)
{
    /// <summary>The server forgets what was done to them since.</summary>
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
