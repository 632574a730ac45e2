namespace ScaiGrid.Tests.Support;

/// <summary>A MariaDB server started by the tests, with its data in a temporary folder.</summary>
public sealed class MariaDbServer : IAsyncDisposable
{
    private const string User = "scaigrid";
    private const string Password = "scaigrid-test";

    private readonly TemporaryFolder _folder;
    private readonly int _port = FreePort.Next();
    private ServerProcess _process = null!;

    private MariaDbServer(TemporaryFolder folder) => _folder = folder;

    public static async Task<MariaDbServer> StartAsync()
    {
        var install = Requirement.Program("mariadb-install-db", "mariadb-server");
        var folder = new TemporaryFolder();
        var (exitCode, output) = await ServerProcess.RunAsync(
            install,
            ["--no-defaults", $"--datadir={folder.File("data")}", "--user=root", "--auth-root-authentication-method=normal", "--skip-test-db"],
            new Dictionary<string, string?> { ["TMPDIR"] = folder.Path });
        if (exitCode != 0)
        {
            throw new InvalidOperationException($"mariadb-install-db ended with {exitCode}:\n{output}");
        }

        await File.WriteAllTextAsync(
            folder.File("init.sql"),
            $"CREATE USER IF NOT EXISTS '{User}'@'%' IDENTIFIED BY '{Password}';\nGRANT ALL PRIVILEGES ON *.* TO '{User}'@'%';\n");
        var server = new MariaDbServer(folder);
        await server.RestartAsync();
        return server;
    }

    /// <summary>The URL of a database on the server; the migrator creates the database.</summary>
    public string Url(string database = "scaigrid") => $"mysql://{User}:{Password}@127.0.0.1:{_port}/{database}";

    public string ConnectionString(string database = "scaigrid") => $"Server=127.0.0.1;Port={_port};User ID={User};Password={Password};Database={database}";

    /// <summary>Kills it with SIGKILL.</summary>
    public Task KillAsync() => _process.KillAsync();

    /// <summary>Starts the server, or restarts it after a kill, on the same port and data.</summary>
    public async Task RestartAsync() => _process = await ServerProcess.StartAsync(
        Requirement.Program("mariadbd", "mariadb-server"),
        [
            "--no-defaults", "--user=root", $"--datadir={_folder.File("data")}", $"--socket={_folder.File("socket")}", $"--pid-file={_folder.File("pid")}",
            "--bind-address=127.0.0.1", $"--port={_port}", $"--init-file={_folder.File("init.sql")}", "--skip-name-resolve", "--max-connections=300",
            "--innodb-buffer-pool-size=128M", "--innodb-flush-log-at-trx-commit=1",

            // The default of the version that is deployed. Older servers do not know it, or have it off.
            "--loose-innodb-snapshot-isolation=ON",

            // A starting server deletes other servers' files in a shared temporary folder.
            $"--tmpdir={_folder.Path}",
        ],
        _port);

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Dispose();
    }
}
