using Grpc.Health.V1;
using Grpc.Net.Client;
using Xunit;

[assembly: AssemblyFixture(typeof(ScaiGrid.Tests.Support.Grid))]

namespace ScaiGrid.Tests.Support;

/// <summary>
/// A complete ScaiGrid as real processes, started once per run: on MariaDB, Redis and S3, or, with SCAIGRID_TEST_STACK=embedded, by the
/// AppHost on SQLite, Garnet and disk. Tests share it, and use models and keys of their own.
/// </summary>
public sealed class Grid : IAsyncDisposable
{
    private readonly SemaphoreSlim _starting = new(1, 1);
    private readonly List<IAsyncDisposable> _parts = [];
    private bool _isStarted;

    public static bool IsEmbedded => Environment.GetEnvironmentVariable("SCAIGRID_TEST_STACK") == "embedded";

    /// <summary>The super admin created by the bootstrap.</summary>
    public ApiDriver Admin { get; private set; } = null!;

    public Uri GrpcAddress { get; private set; } = null!;

    public Uri BunkerProxyAddress { get; private set; } = null!;

    public FakeUpstream Upstream { get; private set; } = null!;

    /// <summary>The AppHost of an embedded run; otherwise null.</summary>
    public AppHostProcess? AppHost { get; private set; }

    /// <summary>MariaDB, Redis and S3; null in the embedded run.</summary>
    public GridServices? Services { get; private set; }

    public async Task EnsureStartedAsync()
    {
        await _starting.WaitAsync();
        try
        {
            if (!_isStarted)
            {
                Upstream = Own(await FakeUpstream.StartAsync());
                await (IsEmbedded ? StartEmbeddedAsync() : StartOnServicesAsync());
                await WaitUntilReadyAsync();
                _isStarted = true;
            }
        }
        finally
        {
            _starting.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        Admin?.Dispose();
        foreach (var part in Enumerable.Reverse(_parts))
        {
            await part.DisposeAsync();
        }

        _starting.Dispose();
    }

    private async Task StartOnServicesAsync()
    {
        Services = Own(await GridServices.StartAsync());
        await Services.MigrateAsync();
        var api = Replica.StartAsync(Mode.Http, Services.Settings);
        var grpc = ModeProcess.StartAsync(Mode.Grpc, Services.Settings);
        var worker = ModeProcess.StartAsync(Mode.Worker, Services.Settings);
        var proxy = ModeProcess.StartAsync(Mode.BunkerProxy, Services.Settings);
        Admin = new ApiDriver(Own(await api).BaseAddress, Secrets.AdminKey);
        GrpcAddress = Own(await grpc).BaseAddress;
        Own(await worker);
        BunkerProxyAddress = Own(await proxy).BaseAddress;
    }

    private async Task StartEmbeddedAsync()
    {
        var host = Own(await AppHostProcess.StartAsync(new Dictionary<string, string>(Limits.None)
        {
            ["SCAIGRID_BOOTSTRAP_API_KEY"] = Secrets.AdminKey,
            ["SCAIGRID_SERVICE_TOKENS"] = $"tests:{Secrets.ServiceToken}",
            ["SCAIGRID_STORAGE_CAPABILITY_KEY"] = Secrets.CapabilityKey,
            ["SCAIGRID_USAGE_FLUSH_INTERVAL_S"] = "1",
            ["SCAIGRID_WEBHOOK_ALLOW_HTTP"] = "true",
            ["SCAIGRID_WEBHOOK_ALLOW_PRIVATE"] = "true",
            ["SCAIGRID_PROBE_INTERVAL_S"] = "1",
            ["SCAIGRID_BATCH_ALLOW_PRIVATE"] = "true",
        }));
        AppHost = host;
        Admin = new ApiDriver(host.ApiAddress, Secrets.AdminKey);
        GrpcAddress = host.GrpcAddress;
        BunkerProxyAddress = host.BunkerProxyAddress;
    }

    // On a busy machine, a replica may be alive before its first snapshot is loaded.
    private async Task WaitUntilReadyAsync()
    {
        await Poll.UntilAsync(async () => (int)(await Admin.GetAsync("/v1/me")).Status == 200, "the http replica to know its keys");
        using var channel = GrpcChannel.ForAddress(GrpcAddress);
        var health = new Health.HealthClient(channel);
        await Poll.UntilAsync(
            async () => (await health.CheckAsync(new HealthCheckRequest())).Status == HealthCheckResponse.Types.ServingStatus.Serving,
            "the grpc replica to be ready");
    }

    private T Own<T>(T part)
        where T : IAsyncDisposable
    {
        _parts.Add(part);
        return part;
    }
}

/// <summary>Base of tests that use the running grid.</summary>
[Trait("stack", "both")]
public abstract class GridTest(Grid grid) : IAsyncLifetime
{
    protected Grid Grid { get; } = grid;

    protected ApiDriver Admin => Grid.Admin;

    public async ValueTask InitializeAsync() => await Grid.EnsureStartedAsync();

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    /// <summary>Connects a script of the fake upstream, and returns the model's slug.</summary>
    protected Task<string> ConnectAsync(UpstreamScript script, string inputPrice = "1", string outputPrice = "2", object? modelFields = null) =>
        ConnectAsync(script, out _, inputPrice, outputPrice, modelFields);

    /// <param name="script">The upstream's behaviour.</param>
    /// <param name="upstreamModel">The model's name at the upstream, for <see cref="FakeUpstream.CallsOf"/>.</param>
    /// <param name="inputPrice">The price per million tokens.</param>
    /// <param name="outputPrice">The price per million tokens.</param>
    /// <param name="modelFields">Further fields of the model.</param>
    protected Task<string> ConnectAsync(UpstreamScript script, out string upstreamModel, string inputPrice = "1", string outputPrice = "2", object? modelFields = null)
    {
        upstreamModel = $"upstream-{Guid.CreateVersion7():N}";
        Grid.Upstream.Play(upstreamModel, script);
        return Admin.ConnectAsync(Grid.Upstream.BaseUrl, upstreamModel, inputPrice, outputPrice, modelFields);
    }
}
