using ScaiGrid.Tests.Support;

namespace ScaiGrid.Benchmarks;

/// <summary>Everything that the comparison runs beside the driver: upstream, YARP and ScaiGrid.</summary>
internal sealed class Setup : IAsyncDisposable
{
    private readonly Upstream _upstream;
    private readonly ServerProcess _yarp;
    private readonly Installation _installation;

    private Setup(Upstream upstream, ServerProcess yarp, Installation installation) =>
        (_upstream, _yarp, _installation) = (upstream, yarp, installation);

    /// <summary>In the order of the tables.</summary>
    public required IReadOnlyList<Subject> Subjects { get; init; }

    public static async Task<Setup> StartAsync()
    {
        var upstream = await Upstream.StartAsync();
        var port = FreePort.Next();
        var yarp = await Upstream.StartAsync("yarp", port, $"http://127.0.0.1:{upstream.Port}");
        var installation = await Installation.StartAsync(upstream.Port);
        return new Setup(upstream, yarp, installation)
        {
            Subjects =
            [
                upstream.Subject,
                upstream.Subject with { Name = Subject.Yarp, ProcessId = yarp.Id, Port = port },
                installation.Caller("ScaiGrid"),
                await installation.UnlimitedAsync("ScaiGrid, no limits"),
            ],
        };
    }

    public async ValueTask DisposeAsync()
    {
        await _installation.DisposeAsync();
        await _yarp.DisposeAsync();
        await _upstream.DisposeAsync();
    }
}
