using System.Globalization;
using StackExchange.Redis;

namespace ScaiGrid.AppHost.Redis;

/// <summary>
/// Compacts the embedded Redis. Garnet's log only grows: deleted, expired and overwritten records stay, in memory and in every checkpoint.
/// At the start, before any client is connected, live records are copied to a new folder, which then replaces the old one.
/// </summary>
internal static class RedisRewrite
{
    private const long WorthwhileBytes = 128L << 20;
    private const int KeysAtOnce = 256;

    public static string NewFolder(string folder) => folder + ".new";

    private static string OldFolder(string folder) => folder + ".old";

    /// <summary>Completes a rewrite that was killed at any moment: one complete folder always exists.</summary>
    public static void FinishInterrupted(string folder)
    {
        if (!Directory.Exists(folder) && Directory.Exists(OldFolder(folder)))
        {
            Directory.Move(OldFolder(folder), folder);
        }

        Delete(OldFolder(folder));
        Delete(NewFolder(folder));
    }

    public static async Task<bool> IsWorthwhileAsync(int port, string password)
    {
        await using var connection = await ConnectAsync(port, password);
        var info = (string?)await connection.GetDatabase().ExecuteAsync("INFO", "STORE") ?? "";
        return Field(info, "Log.TailAddress") - Field(info, "Log.BeginAddress") > WorthwhileBytes;
    }

    public static async Task CopyAsync(int fromPort, int toPort, string password)
    {
        await using var from = await ConnectAsync(fromPort, password);
        await using var to = await ConnectAsync(toPort, password);
        var (source, target) = (from.GetDatabase(), to.GetDatabase());
        await foreach (var keys in from.GetServers()[0].KeysAsync(pageSize: KeysAtOnce).Chunk(KeysAtOnce))
        {
            await Task.WhenAll(keys.Select(key => CopyAsync(source, target, key)));
        }
    }

    public static void Swap(string folder)
    {
        Directory.Move(folder, OldFolder(folder));
        Directory.Move(NewFolder(folder), folder);
        Delete(OldFolder(folder));
    }

    private static async Task CopyAsync(IDatabase from, IDatabase to, RedisKey key)
    {
        var expiry = await from.KeyTimeToLiveAsync(key);
        switch (await from.KeyTypeAsync(key))
        {
            case RedisType.String:
                await to.StringSetAsync(key, await from.StringGetAsync(key));
                break;
            case RedisType.List:
                await to.ListRightPushAsync(key, await from.ListRangeAsync(key));
                break;
            case RedisType.Set:
                await to.SetAddAsync(key, await from.SetMembersAsync(key));
                break;
            case RedisType.SortedSet:
                await to.SortedSetAddAsync(key, await from.SortedSetRangeByRankWithScoresAsync(key));
                break;
            case RedisType.Hash:
                await CopyHashAsync(from, to, key);
                break;
            default:
                // The key expired after it was listed.
                return;
        }

        if (expiry is { } remaining)
        {
            await to.KeyExpireAsync(key, remaining);
        }
    }

    private static async Task CopyHashAsync(IDatabase from, IDatabase to, RedisKey key)
    {
        var entries = await from.HashGetAllAsync(key);
        if (entries.Length == 0)
        {
            return;
        }

        await to.HashSetAsync(key, entries);
        var fields = entries.Select(entry => entry.Name).ToArray();
        var lifetimes = await from.HashFieldGetTimeToLiveAsync(key, fields);
        foreach (var (field, milliseconds) in fields.Zip(lifetimes).Where(pair => pair.Second > 0))
        {
            await to.HashFieldExpireAsync(key, [field], TimeSpan.FromMilliseconds(milliseconds));
        }
    }

    private static async Task<ConnectionMultiplexer> ConnectAsync(int port, string password) =>
        await ConnectionMultiplexer.ConnectAsync(new ConfigurationOptions
        {
            EndPoints = { { "127.0.0.1", port } },
            Password = password,

            // Required for INFO.
            AllowAdmin = true,
            ConnectTimeout = 5_000,
            AsyncTimeout = 60_000,
        });

    private static long Field(string info, string name)
    {
        var line = info.Split("\r\n").FirstOrDefault(line => line.StartsWith(name + ":", StringComparison.Ordinal));
        return line is null ? 0 : long.Parse(line.AsSpan(name.Length + 1), CultureInfo.InvariantCulture);
    }

    private static void Delete(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
