using ScaiGrid.Tests.Support;

namespace ScaiGrid.Benchmarks;

/// <summary>The mock upstream as a separate process.</summary>
internal sealed class Upstream : IAsyncDisposable
{
    private readonly ServerProcess _process;

    private Upstream(ServerProcess process, int port) => (_process, Port) = (process, port);

    public int Port { get; }

    public Subject Subject => new(Subject.Direct, _process.Id, Port, "/v1/chat/completions", [(null, "mock")]);

    public static async Task<Upstream> StartAsync()
    {
        var port = FreePort.Next();
        return new Upstream(await StartAsync("upstream", port), port);
    }

    /// <summary>Starts this program as another process in another role.</summary>
    public static Task<ServerProcess> StartAsync(string part, int port, params string[] arguments) =>
        ServerProcess.StartAsync("dotnet", [typeof(Upstream).Assembly.Location, part, $"{port}", .. arguments], port);

    public ValueTask DisposeAsync() => _process.DisposeAsync();
}
