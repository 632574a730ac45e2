namespace ScaiGrid.Tests.Support;

/// <summary>A Redis server started by the tests, with an append-only file, so that a kill loses no acknowledged write.</summary>
public sealed class RedisServer : IAsyncDisposable
{
    private readonly string _fsync;
    private readonly TemporaryFolder _folder = new();
    private readonly int _port = FreePort.Next();
    private readonly int _securePort = FreePort.Next();
    private readonly TestCertificate _certificate = new();
    private ServerProcess _process = null!;

    private RedisServer(string fsync) => _fsync = fsync;

    public string Url => $"redis://127.0.0.1:{_port}";

    /// <summary>The server's URL for TLS, for a process with <see cref="Trust"/> in its environment.</summary>
    public string SecureUrl => $"rediss://localhost:{_securePort}";

    /// <summary>The variable that makes a process trust the server's certificate.</summary>
    public (string Name, string Value) Trust => ("SSL_CERT_FILE", _folder.File("tls/fullchain.pem"));

    public string Configuration => $"127.0.0.1:{_port}";

    /// <param name="fsync">When the file is forced to disk; a kill of the process loses nothing in either case.</param>
    public static async Task<RedisServer> StartAsync(string fsync = "always")
    {
        var server = new RedisServer(fsync);
        server._certificate.WriteTo(server._folder.File("tls"));
        await server.RestartAsync();
        return server;
    }

    /// <summary>Kills it with SIGKILL.</summary>
    public Task KillAsync() => _process.KillAsync();

    /// <summary>Starts it again without its data.</summary>
    public async Task RestartEmptyAsync()
    {
        Directory.Delete(_folder.File("appendonlydir"), recursive: true);
        await RestartAsync();
    }

    public async Task RestartAsync() => _process = await ServerProcess.StartAsync(
        Requirement.Program("redis-server", "redis-server"),
        ["--port", $"{_port}", "--bind", "127.0.0.1", "--dir", _folder.Path, "--appendonly", "yes", "--appendfsync", _fsync, "--save", "",
            "--tls-port", $"{_securePort}", "--tls-cert-file", _folder.File("tls/fullchain.pem"), "--tls-key-file", _folder.File("tls/privkey.pem"),
            "--tls-ca-cert-file", _folder.File("tls/fullchain.pem"), "--tls-auth-clients", "no"],
        _port);

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _certificate.Dispose();
        _folder.Dispose();
    }
}
