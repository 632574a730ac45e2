using Garnet;
using ScaiGrid.AppHost.Local;

namespace ScaiGrid.AppHost.Redis;

/// <summary>
/// Garnet, in this process, on a loopback port, with a password. What it acknowledged survives kill -9 of this process: usage
/// records on their way to the database are in it. A crash of a mode does not touch it.
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

    /// <summary>Starts on the folder's content, rewritten first where that pays.</summary>
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
            // Garnet throws whatever its recovery met; every kind ends the start.
            throw new StartException(
                $"The embedded Redis cannot start from {folder}: {exception.Message} Move that folder away to start with an empty one; usage not yet in the database is lost then.",
                1);
        }
    }

    private static IEnumerable<string> Switches(string folder, int port, string password) =>
    [
        "--bind", "127.0.0.1", "--port", $"{port}",
        "--auth", "Password", "--password", password,

        // Admission is one script, applied as a whole.
        "--lua", "--lua-transaction-mode",

        // Each answer waits until its record is written (0.15 ms); commits of concurrent callers are joined.
        "--checkpointdir", folder, "--aof", "--aof-commit-freq", "0", "--aof-commit-wait",
        "--recover", "--fail-on-recovery-error",

        // Past the limit a checkpoint is taken and the log before it is dropped, in whole segments.
        "--aof-size-limit", "128m", "--aof-segment-size", "32m", "--aof-page-size", "8m", "--aof-memory", "16m",

        // Pages are allocated as they fill. The limit is far off on purpose: past it the oldest records are dropped, as in a cache.
        // Not used, since each of them lost or mixed up data when it was tried with kill -9 under load in 2.2.8:
        // --storage-tier, --compaction-type, --reviv. RedisRewrite does what they are for, at the start.
        "--memory", "4g", "--page", "1m", "--index", "16m", "--index-max-size", "512m", "--pubsub-pagesize", "1m",
        "--expired-key-deletion-scan-freq", "10",

        // The native device needs a newer C library than many systems have.
        "--device-type", "RandomAccess",

        // A caller that waits for a commit holds its thread meanwhile.
        "--minthreads", "32",
        "-q",
    ];
}
