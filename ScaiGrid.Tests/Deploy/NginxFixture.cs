using ScaiGrid.Tests.Support;
using ScaiGrid.Tests.Surfaces;
using Xunit;

namespace ScaiGrid.Tests.Deploy;

/// <summary>nginx in front of two Api replicas, Grpc and the storage proxy of the shared grid.</summary>
public sealed class NginxFixture(Grid grid) : IAsyncLifetime
{
    private ModeProcess? _second;

    public Grid Grid => grid;

    public NginxServer Nginx { get; private set; } = null!;

    /// <summary>The super admin, connected through nginx.</summary>
    public ApiDriver Admin { get; private set; } = null!;

    /// <summary>
    /// Streams with long pauses. They start with the fixture, so that the other tests do not wait for them. The first sends nothing for 65 s, longer than
    /// nginx's default timeout of 60 s; the second pauses for 50 s in the middle.
    /// </summary>
    public Task<IReadOnlyList<ServerEvent>> SilentAtFirst { get; private set; } = null!;

    public Task<IReadOnlyList<ServerEvent>> SilentLater { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        await grid.EnsureStartedAsync();
        var silentAtFirst = await ConnectAsync(new UpstreamScript { Delay = TimeSpan.FromSeconds(65) });
        var silentLater = await ConnectAsync(new UpstreamScript { Chunks = ["late"], ChunkDelay = TimeSpan.FromSeconds(50) });
        _second = await StartApiAsync();
        Nginx = await NginxServer.StartAsync([grid.Admin.BaseAddress, _second.BaseAddress], grid.GrpcAddress, grid.BunkerProxyAddress);
        Admin = Nginx.Driver();
        SilentAtFirst = StreamAsync(silentAtFirst);
        SilentLater = StreamAsync(silentLater);
    }

    public async ValueTask DisposeAsync()
    {
        Admin?.Dispose();
        if (Nginx is not null)
        {
            await Nginx.DisposeAsync();
        }

        if (_second is not null)
        {
            await _second.DisposeAsync();
        }
    }

    /// <summary>Starts another Api replica and waits until it is ready.</summary>
    public Task<ModeProcess> StartApiAsync() => Replica.StartAsync(Mode.Http, grid.Services!.Settings);

    /// <summary>Creates a model of the fake upstream and waits until every replica knows it.</summary>
    public async Task<string> ConnectAsync(UpstreamScript script)
    {
        var upstreamModel = $"upstream-{Guid.CreateVersion7():N}";
        grid.Upstream.Play(upstreamModel, script);
        var slug = await grid.Admin.ConnectAsync(grid.Upstream.BaseUrl, upstreamModel);
        await (_second?.CatchUpAsync(grid.Admin) ?? Task.CompletedTask);
        await GrpcIdentityTests.KnownAsync(grid.GrpcAddress, (await grid.Admin.CreateKeyAsync()).Key);
        return slug;
    }

    private async Task<IReadOnlyList<ServerEvent>> StreamAsync(string slug)
    {
        using var stream = await Admin.StreamAsync(slug);
        return await stream.AllAsync();
    }
}
