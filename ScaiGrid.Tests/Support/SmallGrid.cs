namespace ScaiGrid.Tests.Support;

/// <summary>
/// A grid for one test that would disturb others: two Api replicas with their own SQLite and Redis, or all modes under an AppHost with the
/// embedded Redis. It has one tenant with an admin. Tests that use one are in one collection, so that they do not run at once.
/// </summary>
public sealed class SmallGrid : IAsyncDisposable
{
    private const string Database = "grid.db";

    /// <summary>The files of a migrated database, created once for all grids.</summary>
    private static readonly Lazy<Task<IReadOnlyDictionary<string, byte[]>>> Migrated = new(MigrateAsync);

    private readonly List<IAsyncDisposable> _parts = [];
    private readonly TemporaryFolder _folder = new();

    private SmallGrid()
    {
    }

    public FakeUpstream Upstream { get; private set; } = null!;

    /// <summary>A driver with the admin's key for each replica.</summary>
    public IReadOnlyList<ApiDriver> Admins { get; private set; } = [];

    public ApiDriver Admin => Admins[0];

    public IReadOnlyList<ModeProcess> Apis { get; private set; } = [];

    /// <summary>Null if it was not requested.</summary>
    public ModeProcess? Grpc { get; private set; }

    /// <summary>Null on a cluster and in the embedded grid.</summary>
    public RedisServer? Redis { get; private set; }

    /// <param name="replicas">The number of Api replicas.</param>
    /// <param name="settings">Override those of <see cref="Limits.None"/>.</param>
    /// <param name="withWorker">Whether to start a Worker, which moves usage to the database.</param>
    /// <param name="onCluster">Whether to use a Redis Cluster instead of one server.</param>
    /// <param name="withGrpc">Whether to serve gRPC as well.</param>
    public static async Task<SmallGrid> StartAsync(
        int replicas = 2, IReadOnlyDictionary<string, string>? settings = null, bool withWorker = false, bool onCluster = false, bool withGrpc = false)
    {
        var grid = new SmallGrid();
        grid.Upstream = grid.Own(await FakeUpstream.StartAsync());
        var environment = new Dictionary<string, string>(Limits.None)
        {
            ["SCAIGRID_DATABASE_URL"] = $"sqlite://{grid._folder.File(Database)}",
            ["SCAIGRID_REDIS_URL"] = onCluster ? grid.Own(await RedisCluster.StartAsync()).Url : (grid.Redis = grid.Own(await RedisServer.StartAsync())).Url,
            ["SCAIGRID_DATA_DIR"] = grid._folder.File("data"),
            ["SCAIGRID_SECRET_KEY"] = Secrets.SecretKey,
            ["SCAIGRID_BOOTSTRAP_API_KEY"] = Secrets.AdminKey,
            ["SCAIGRID_USAGE_FLUSH_INTERVAL_S"] = "1",
        };
        foreach (var (name, value) in settings ?? new Dictionary<string, string>())
        {
            environment[name] = value;
        }

        foreach (var (name, bytes) in await Migrated.Value)
        {
            await File.WriteAllBytesAsync(grid._folder.File(name), bytes);
        }

        var apis = new List<ModeProcess>();
        for (var i = 0; i < replicas; i++)
        {
            apis.Add(grid.Own(await Replica.StartAsync(Mode.Http, environment)));
        }

        if (withWorker)
        {
            grid.Own(await Replica.StartAsync(Mode.Worker, environment));
        }

        if (withGrpc)
        {
            grid.Grpc = grid.Own(await Replica.StartAsync(Mode.Grpc, environment));
        }

        grid.Apis = apis;
        grid.Admins = apis.ConvertAll(api => new ApiDriver(api.BaseAddress, Secrets.AdminKey));
        return grid;
    }

    /// <summary>Starts a grid on SQLite and the embedded Redis.</summary>
    public static async Task<SmallGrid> StartEmbeddedAsync()
    {
        var grid = new SmallGrid();
        grid.Upstream = grid.Own(await FakeUpstream.StartAsync());
        var host = grid.Own(await AppHostProcess.StartAsync(new Dictionary<string, string>(Limits.None)
        {
            ["SCAIGRID_BOOTSTRAP_API_KEY"] = Secrets.AdminKey,
            ["SCAIGRID_USAGE_FLUSH_INTERVAL_S"] = "1",
        }));
        grid.Admins = [new ApiDriver(host.ApiAddress, Secrets.AdminKey)];
        return grid;
    }

    /// <summary>Connects a script; when this returns, each replica serves it.</summary>
    public async Task<(string Slug, string UpstreamModel)> ConnectAsync(UpstreamScript script, string inputPrice = "1", string outputPrice = "2", object? modelFields = null)
    {
        var upstreamModel = $"upstream-{Guid.CreateVersion7():N}";
        Upstream.Play(upstreamModel, script);
        var slug = await Admin.ConnectAsync(Upstream.BaseUrl, upstreamModel, inputPrice, outputPrice, modelFields);
        await CatchUpAsync();
        return (slug, upstreamModel);
    }

    /// <summary>Waits until every replica serves the changes made through the first one.</summary>
    public async Task CatchUpAsync()
    {
        var revision = await RevisionAsync(Admin);
        foreach (var admin in Admins)
        {
            await Poll.UntilAsync(async () => await RevisionAsync(admin) >= revision, "the snapshot on every replica");
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var admin in Admins)
        {
            admin.Dispose();
        }

        foreach (var part in Enumerable.Reverse(_parts))
        {
            await part.DisposeAsync();
        }

        _folder.Dispose();
    }

    private static async Task<IReadOnlyDictionary<string, byte[]>> MigrateAsync()
    {
        using var folder = new TemporaryFolder();
        await ModeProcess.RunAsync(Mode.Migrate, new Dictionary<string, string>
        {
            ["SCAIGRID_DATABASE_URL"] = $"sqlite://{folder.File(Database)}",
            ["SCAIGRID_BOOTSTRAP_API_KEY"] = Secrets.AdminKey,
        });

        // Includes the files next to the database's own, which may contain recent writes.
        return Directory.EnumerateFiles(folder.Path, $"{Database}*").ToDictionary(file => Path.GetFileName(file), File.ReadAllBytes);
    }

    private static async Task<long> RevisionAsync(ApiDriver admin) => (long)(await admin.GetAsync("/health/detailed")).Ok()["snapshot"]!["revision"]!;

    private T Own<T>(T part)
        where T : IAsyncDisposable
    {
        _parts.Add(part);
        return part;
    }
}
