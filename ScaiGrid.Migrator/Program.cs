using ScaiGrid.Core.Configuration;
using ScaiGrid.Migrator;
using ScaiGrid.Modules;
using ScaiGrid.Platform.Migrations;
using ScaiGrid.ServiceDefaults;

return await HostRunner.RunAsync(async () =>
{
    ParentWatch.Start();
    var arguments = MigratorArguments.Parse(args);
    if (arguments.Help)
    {
        await Console.Out.WriteLineAsync(MigratorArguments.Usage);
        return 0;
    }

    // The output is written for people, without logs: a failure is one line and the exit code.
    var builder = Host.CreateApplicationBuilder();
    builder.Logging.ClearProviders();
    builder.AddMigrations();
    var modules = AllModules.CreateSelected(builder)
        .Where(module => module.Migrations is not null)
        .Select(module => MigrationStream.ForModule(module.Manifest.Id, module.Migrations!));
    MigrationStream[] streams = [.. modules.Prepend(MigrationStream.Core).Where(stream => arguments.Stream is null || stream.Name == arguments.Stream)];
    if ((arguments.Mistake ?? (streams is [] ? $"There is no stream '{arguments.Stream}'." : null)) is { } mistake)
    {
        await Console.Error.WriteLineAsync($"{mistake} See --help.");
        return MigratorArguments.UsageExitCode;
    }

    if (arguments.RotateSecretKey)
    {
        builder.AddSecretRotation();
    }

    builder.CheckSettings();
    using var host = builder.Build();
    return await MigratorCommand.RunAsync(host.Services, streams, arguments);
});
