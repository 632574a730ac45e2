using ScaiGrid.Tests.Support;

namespace ScaiGrid.Benchmarks;

/// <summary>All processes of the comparison besides the driver: upstream, YARP and ScaiGrid.</summary>
internal sealed class Setup : IAsyncDisposable
{
    private readonly Upstream _upstream;
    private readonly ServerProcess _yarp;
    private readonly List<Installation> _installations = [];
    private readonly List<Subject> _subjects;

    private Setup(Upstream upstream, ServerProcess yarp, List<Subject> subjects) => (_upstream, _yarp, _subjects) = (upstream, yarp, subjects);

    /// <summary>The subjects, in the order of the tables.</summary>
    public IReadOnlyList<Subject> Subjects => _subjects;

    /// <param name="beside">The folder of another source tree, whose build is measured in the same rounds.</param>
    public static async Task<Setup> StartAsync(string? beside)
    {
        var upstream = await Upstream.StartAsync();
        var port = FreePort.Next();
        var yarp = await Upstream.StartAsync("yarp", port, $"http://127.0.0.1:{upstream.Port}");
        var setup = new Setup(upstream, yarp, [upstream.Subject, upstream.Subject with { Name = Subject.Yarp, ProcessId = yarp.Id, Port = port }]);
        await setup.AddAsync("ScaiGrid", source: null);
        if (beside is not null)
        {
            await setup.AddAsync("beside", beside);
        }

        return setup;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var installation in _installations)
        {
            await installation.DisposeAsync();
        }

        await _yarp.DisposeAsync();
        await _upstream.DisposeAsync();
    }

    private async Task AddAsync(string name, string? source)
    {
        var installation = await Installation.StartAsync(_upstream.Port, source: source);
        _installations.Add(installation);
        _subjects.Add(installation.Caller(name));
        _subjects.Add(await installation.UnlimitedAsync($"{name}, no limits"));
    }
}
