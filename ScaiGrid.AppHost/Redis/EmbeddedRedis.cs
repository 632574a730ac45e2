using Garnet;
using ScaiGrid.AppHost.Local;

namespace ScaiGrid.AppHost.Redis;

/// <summary>
/// Garnet in this process, on a loopback port, with a password. Acknowledged writes survive kill -9 of this process, because usage records on
/// their way to the database are among them. A crash of a mode does not affect it.
/// </summary>
internal sealed class EmbeddedRedis : IDisposable
{
    private readonly GarnetServer _server;
    private readonly string _password;

    private EmbeddedRedis(GarnetServer server, int port, string password)
    {
        _server = server;
        _password = password;
        Port = port;
    }

    public int Port { get; }

    public string Url => $"redis://:{_password}@127.0.0.1:{Port}";

    /// <summary>Starts with the folder's content, which is compacted first if worthwhile.</summary>
    public static async Task<EmbeddedRedis> StartAsync(string folder, string password, PortClaims claims, Lines lines)
    {
        RedisRewrite.FinishInterrupted(folder);
        var redis = Open(folder, password, claims, lines);
        if (!await RedisRewrite.IsWorthwhileAsync(redis.Port, password))
        {
            return redis;
        }

        var fresh = Open(RedisRewrite.NewFolder(folder), password, claims, lines);
        try
        {
            await RedisRewrite.CopyAsync(redis.Port, fresh.Port, password);
        }
        finally
        {
            fresh.Dispose();
            redis.Dispose();
        }

        RedisRewrite.Swap(folder);
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive);
        return Open(folder, password, claims, lines);
    }

    public void Dispose() => _server.Dispose();

    private static EmbeddedRedis Open(string folder, string password, PortClaims claims, Lines lines)
    {
        DataDirectory.Create(folder);
        var port = claims.Next();
        try
        {
            var server = new GarnetServer([.. Switches(folder, port, password)], new RedisLog(lines));
            server.Start();
            return new EmbeddedRedis(server, port, password);
        }
        catch (Exception exception)
        {
            // Garnet's recovery may throw any exception; all of them end the start.
            throw new StartException(
                $"The embedded Redis cannot start from {folder}: {exception.Message} Move that folder away to start with an empty one; usage not yet in the database is lost then.",
                1);
        }
    }

    private static IEnumerable<string> Switches(string folder, int port, string password) =>
    [
        "--bind", "127.0.0.1", "--port", $"{port}",
        "--auth", "Password", "--password", password,

        // Admission's script must be applied atomically.
        "--lua", "--lua-transaction-mode",

        // A reply waits until its record is written (0.15 ms); commits of concurrent callers are joined.
        "--checkpointdir", folder, "--aof", "--aof-commit-freq", "0", "--aof-commit-wait",
        "--recover", "--fail-on-recovery-error",

        // Above the limit a checkpoint is taken, and older log segments are deleted.
        "--aof-size-limit", "128m", "--aof-segment-size", "32m", "--aof-page-size", "8m", "--aof-memory", "16m",

        // Pages are allocated as they fill. The limit is deliberately high: beyond it the oldest records are dropped, as in a cache.
        // Not used, because each lost or mixed up data in tests with kill -9 under load in 2.2.8: --storage-tier, --compaction-type, --reviv.
        // RedisRewrite serves their purpose at the start.
        "--memory", "4g", "--page", "1m", "--index", "16m", "--index-max-size", "512m", "--pubsub-pagesize", "1m",
        "--expired-key-deletion-scan-freq", "10",

        // The native device requires a newer C library than many systems have.
        "--device-type", "RandomAccess",

        // A caller that waits for a commit blocks its thread.
        "--minthreads", "32",
        "-q",
    ];
}
