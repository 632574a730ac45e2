using System.Data.Common;
using System.Runtime.InteropServices;
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
        Console.WriteLine(MigratorArguments.Usage);
        return 0;
    }

    var builder = Host.CreateApplicationBuilder();
    builder.Logging.ClearProviders();
    builder.AddMigrations();
    var streams = new List<MigrationStream> { MigrationStream.Core };
    foreach (var module in AllModules.CreateSelected(builder))
    {
        if (module.Migrations is { } assembly)
        {
            streams.Add(MigrationStream.ForModule(module.Manifest.Id, assembly));
        }
    }

    if (arguments.Mistake is null && arguments.Stream is { } name && streams.RemoveAll(stream => stream.Name != name) is var removed && streams.Count == 0)
    {
        arguments = arguments with { Mistake = $"There is no stream '{name}'." };
    }

    if (arguments.Mistake is { } mistake)
    {
        await Console.Error.WriteLineAsync($"{mistake} See --help.");
        return MigratorArguments.UsageExitCode;
    }

    builder.CheckSettings();
    using var host = builder.Build();
    using var stop = new CancellationTokenSource();
    using var onTerminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, StopAfterStep);
    using var onInterrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, StopAfterStep);
    try
    {
        var run = new MigrationRun(host.Services, Console.Out, Console.Error);
        if (arguments.Status)
        {
            await run.StatusAsync(streams, stop.Token);
            return 0;
        }

        return await run.RunAsync(streams, stop.Token) ? 0 : 1;
    }
    catch (DbException exception)
    {
        await Console.Error.WriteLineAsync($"The database failed: {exception.Message}");
        return 1;
    }
    catch (OperationCanceledException) when (stop.IsCancellationRequested)
    {
        await Console.Error.WriteLineAsync("Stopped before the end; what was applied stays. Run migrate again.");
        return 1;
    }

    // A step is never cut in the middle, and the lock is given back.
    void StopAfterStep(PosixSignalContext context)
    {
        context.Cancel = true;
        stop.Cancel();
    }
});
