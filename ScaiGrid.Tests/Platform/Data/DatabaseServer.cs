using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Data;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Migrations;
using ScaiGrid.Tests.Support;
using Xunit;

[assembly: AssemblyFixture(typeof(ScaiGrid.Tests.Platform.Data.DatabaseServer))]

namespace ScaiGrid.Tests.Platform.Data;

/// <summary>One MariaDB for all tests of the data layer, started by the first test that needs it. Each test has its own database.</summary>
public sealed class DatabaseServer : IAsyncDisposable
{
    private readonly SemaphoreSlim _starting = new(1, 1);
    private MariaDbServer? _server;
    private int _databases;

    public async Task<TestDatabase> CreateAsync(DatabaseKind kind)
    {
        if (kind is DatabaseKind.Sqlite)
        {
            return new TestDatabase(kind, new TemporaryFolder());
        }

        await _starting.WaitAsync();
        try
        {
            _server ??= await MariaDbServer.StartAsync();
        }
        finally
        {
            _starting.Release();
        }

        return new TestDatabase(kind, _server.Url($"test{Interlocked.Increment(ref _databases)}"));
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        _starting.Dispose();
    }
}

/// <summary>An empty database, and the services that the Migrator and the platform register for it.</summary>
public sealed class TestDatabase : IDisposable
{
    private readonly TemporaryFolder? _folder;
    private readonly List<IHost> _hosts = [];

    internal TestDatabase(DatabaseKind kind, TemporaryFolder folder)
        : this(kind, $"sqlite://{folder.File("grid.db")}") => _folder = folder;

    internal TestDatabase(DatabaseKind kind, string url)
    {
        (Kind, Url) = (kind, url);
        Services = BuildServices();
    }

    public DatabaseKind Kind { get; }

    public string Url { get; }

    public IServiceProvider Services { get; }

    internal IDbContextFactory<PlatformDb> Contexts => Services.GetRequiredService<IDbContextFactory<PlatformDb>>();

    internal DatabaseAddress Address => Services.GetRequiredService<DatabaseOptions>().Address;

    /// <summary>The services of another process.</summary>
    internal IServiceProvider BuildServices(Action<IHostApplicationBuilder>? configure = null)
    {
        var builder = CreateBuilder();
        configure?.Invoke(builder);
        var host = builder.Build();
        _hosts.Add(host);
        return host.Services;
    }

    internal HostApplicationBuilder CreateBuilder()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["SCAIGRID_DATABASE_URL"] = Url });
        builder.Logging.ClearProviders();
        builder.AddMigrations();
        builder.CheckSettings();
        return builder;
    }

    /// <summary>Runs the given migration streams, by default the core's. Returns whether they succeeded, and their output.</summary>
    internal async Task<(bool Succeeded, string Output)> MigrateAsync(params MigrationStream[] streams)
    {
        await using var output = new StringWriter();
        var run = new MigrationRun(Services, TextWriter.Synchronized(output), TextWriter.Synchronized(output));
        var succeeded = await run.RunAsync(streams is [] ? [MigrationStream.Core] : streams, TestContext.Current.CancellationToken);
        return (succeeded, output.ToString());
    }

    internal async Task<TestDatabase> MigratedAsync()
    {
        var (succeeded, output) = await MigrateAsync();
        Assert.True(succeeded, output);
        return this;
    }

    /// <summary>The first column of each row, as text.</summary>
    internal async Task<IReadOnlyList<string>> QueryAsync(string sql)
    {
        await using var connection = await Address.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        var rows = new List<string>();
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
        {
            rows.Add(reader.GetValue(0).ToString()!);
        }

        return rows;
    }

    internal Task ExecuteAsync(string sql) => Address.ExecuteAsync(sql, TestContext.Current.CancellationToken);

    public void Dispose()
    {
        _hosts.ForEach(host => host.Dispose());
        _folder?.Dispose();
    }
}
