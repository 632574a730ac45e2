using FluentMigrator.Runner;
using FluentMigrator.Runner.Generators.MySql;
using FluentMigrator.Runner.Initialization;
using FluentMigrator.Runner.Processors;
using Microsoft.Extensions.DependencyInjection;
using ScaiGrid.Core.Data;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Migrations;

/// <summary>Applies the steps of one stream, one at a time. FluentMigrator's own progress log is turned off.</summary>
internal sealed class StreamMigrator : IDisposable
{
    // Changing a large table takes long, but a statement that hangs must end.
    private static readonly TimeSpan StatementTimeout = TimeSpan.FromHours(1);

    private readonly ServiceProvider _services;
    private readonly IServiceScope _scope;
    private readonly IMigrationRunner _runner;

    public StreamMigrator(DatabaseAddress address, MigrationStream stream)
    {
        var services = new ServiceCollection().AddLogging().AddFluentMigratorCore();
        services.ConfigureRunner(runner =>
        {
            _ = address.Kind is DatabaseKind.Sqlite ? runner.AddSQLite() : runner.AddMySql5();
            runner.WithGlobalConnectionString(address.ConnectionString)
                .WithVersionTable(new VersionTable(stream))
                .ScanIn(stream.Assembly).For.Migrations();
        });
        services.AddScoped<MySql5Generator>(_ => new MariaDbGenerator());
        services.Configure<TypeFilterOptions>(filter => filter.Namespace = stream.Namespace);
        services.Configure<ProcessorOptions>(processor => processor.Timeout = StatementTimeout);
        _services = services.BuildServiceProvider();
        _scope = _services.CreateScope();
        _runner = _scope.ServiceProvider.GetRequiredService<IMigrationRunner>();
    }

    /// <summary>Applies <paramref name="step"/>; all earlier steps must have been applied.</summary>
    public void Apply(MigrationStep step) => _runner.MigrateUp(step.Version);

    public void Dispose()
    {
        _scope.Dispose();
        _services.Dispose();
    }
}
