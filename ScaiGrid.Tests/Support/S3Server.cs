namespace ScaiGrid.Tests.Support;

/// <summary>An S3-compatible server started by the tests, on disk: npm's s3rver, installed by ./test.</summary>
public sealed class S3Server : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly int _port = FreePort.Next();
    private ServerProcess _process = null!;

    /// <summary>The settings that make a host use this server.</summary>
    public IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        ["SCAIGRID_S3_ENDPOINT"] = $"http://127.0.0.1:{_port}",
        ["SCAIGRID_S3_REGION"] = "us-east-1",
        ["SCAIGRID_S3_BUCKET"] = "scaigrid",
        ["SCAIGRID_S3_ACCESS_KEY_ID"] = "S3RVER",
        ["SCAIGRID_S3_SECRET_ACCESS_KEY"] = "S3RVER",
        ["SCAIGRID_S3_FORCE_PATH_STYLE"] = "true",
    };

    public static async Task<S3Server> StartAsync()
    {
        var server = new S3Server();
        await server.RestartAsync();
        return server;
    }

    /// <summary>Kills it with SIGKILL.</summary>
    public Task KillAsync() => _process.KillAsync();

    /// <summary>Starts the server, or restarts it after a kill, on the same port and data.</summary>
    public async Task RestartAsync()
    {
        var program = Path.Combine(Repository.Root, "ScaiGrid.Tests", "Support", "s3rver", "node_modules", "s3rver", "bin", "s3rver.js");
        _process = await ServerProcess.StartAsync(
            Requirement.Program("node", "nodejs"), [program, "-d", _folder.Path, "-a", "127.0.0.1", "-p", $"{_port}", "--silent"], _port);
    }

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Dispose();
    }
}
