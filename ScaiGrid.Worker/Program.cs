using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference;
using ScaiGrid.Modules;
using ScaiGrid.Platform;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Scheduling;
using ScaiGrid.ServiceDefaults;
using ScaiGrid.Worker;

return await HostRunner.RunAsync(async () =>
{
    var builder = WebApplication.CreateSlimBuilder(args);
    var settings = builder.AddSettings<HostSettings>();
    builder.AddServiceDefaults(new ServiceDefaultsOptions { ServiceName = "scaigrid-worker", DrainTimeout = settings.DrainTimeout });
    builder.AddPlatformTasks();
    builder.AddInference();
    var modules = ModuleSet.AddModules(builder, isWorker: true);

    builder.Services.AddSingleton<IWorkGate, DrainGate>();
    builder.AddScheduling([.. PlatformTasks.All(builder), .. modules.ScheduledTasks]);
    builder.CheckSettings();
    builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenOn(settings, settings.WorkerPort));

    await using var app = builder.Build();
    if (!await SchemaCheck.PassesAsync(app))
    {
        return 1;
    }

    app.MapDefaultEndpoints();
    await app.RunAsync();
    return 0;
});
