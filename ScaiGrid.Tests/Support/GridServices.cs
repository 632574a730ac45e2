namespace ScaiGrid.Tests.Support;

/// <summary>Real MariaDB, Redis and S3, and the settings that make hosts use them.</summary>
public sealed class GridServices : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();

    private GridServices(MariaDbServer mariaDb, RedisServer redis, S3Server s3) => (MariaDb, Redis, S3) = (mariaDb, redis, s3);

    public MariaDbServer MariaDb { get; }

    public RedisServer Redis { get; }

    public S3Server S3 { get; }

    /// <summary>Environment variables for every mode. A new dictionary for each access.</summary>
    public Dictionary<string, string> Settings => new(S3.Settings.Concat(Limits.None))
    {
        ["SCAIGRID_DATABASE_URL"] = MariaDb.Url(),
        ["SCAIGRID_REDIS_URL"] = Redis.Url,
        ["SCAIGRID_DATA_DIR"] = _folder.File("data"),
        ["SCAIGRID_SECRET_KEY"] = Secrets.SecretKey,
        ["SCAIGRID_STORAGE_CAPABILITY_KEY"] = Secrets.CapabilityKey,
        ["SCAIGRID_SERVICE_TOKENS"] = $"tests:{Secrets.ServiceToken}",
        ["SCAIGRID_BOOTSTRAP_API_KEY"] = Secrets.AdminKey,
        ["SCAIGRID_USAGE_FLUSH_INTERVAL_S"] = "1",
        ["SCAIGRID_WEBHOOK_ALLOW_HTTP"] = "true",
        ["SCAIGRID_WEBHOOK_ALLOW_PRIVATE"] = "true",
        ["SCAIGRID_PROBE_INTERVAL_S"] = "1",
        ["SCAIGRID_BATCH_ALLOW_PRIVATE"] = "true",
    };

    public static async Task<GridServices> StartAsync()
    {
        var mariaDb = MariaDbServer.StartAsync();
        var redis = RedisServer.StartAsync();
        var s3 = S3Server.StartAsync();
        return new GridServices(await mariaDb, await redis, await s3);
    }

    /// <summary>Migrates and bootstraps the database.</summary>
    public Task MigrateAsync() => ModeProcess.RunAsync(Mode.Migrate, Settings);

    public async ValueTask DisposeAsync()
    {
        await MariaDb.DisposeAsync();
        await Redis.DisposeAsync();
        await S3.DisposeAsync();
        _folder.Dispose();
    }
}

/// <summary>Settings of limits, which tests that share a key would share as well.</summary>
public static class Limits
{
    /// <summary>No limits, except those that a test sets.</summary>
    public static readonly IReadOnlyDictionary<string, string> None = new[] { "KEY", "USER", "TENANT", "PARTNER", "ADDRESS", "CONTROL" }
        .Select(level => $"SCAIGRID_RATE_LIMIT_{level}_RPM").Append("SCAIGRID_API_KEYS_PER_USER").ToDictionary(name => name, _ => "0");
}

/// <summary>Secrets of the tests; not used anywhere else.</summary>
public static class Secrets
{
    public const string AdminKey = "sgk_test-admin-key-0123456789abcdefghijklmnop";
    public const string ServiceToken = "svc-test-token-0123456789abcdefghijklmnop";
    public const string SecretKey = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    public const string CapabilityKey = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU=";
}
