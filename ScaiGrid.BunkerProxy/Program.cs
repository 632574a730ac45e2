using ScaiGrid.BunkerProxy;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Storage;
using ScaiGrid.Modules.Bunker.Storage;
using ScaiGrid.ServiceDefaults;

return await HostRunner.RunAsync(() => args is ["mint", ..] ? MintCommand.RunAsync(args[1..]) : ServeAsync(args));

static async Task<int> ServeAsync(string[] args)
{
    var builder = WebApplication.CreateSlimBuilder(args);
    var settings = builder.AddSettings<HostSettings>();
    builder.AddServiceDefaults(new ServiceDefaultsOptions { ServiceName = "scaigrid-bunker-proxy", DrainTimeout = settings.DrainTimeout });
    builder.AddStorageProxy();
    builder.RequireCapabilityKey();
    builder.Services.AddWireJson();
    builder.Services.AddHealthChecks().AddCheck<BlobStoreHealth>("storage", tags: [HealthTags.Ready]);
    builder.CheckSettings();
    builder.WebHost.ConfigureKestrel(kestrel =>
    {
        kestrel.AddServerHeader = false;
        kestrel.ListenOn(settings, settings.BunkerProxyPort);
    });

    await using var app = builder.Build();
    app.UseRequestId();
    app.UseMiddleware<ErrorHandling>();
    app.UseDraining(context => ErrorWriter.WriteAsync(context, new Problem(CoreErrors.Draining, RetryAfterSeconds: 1)));
    app.MapDefaultEndpoints();
    app.MapGroup("/v1/modules/scaibunker/storage").MapStorage();
    await app.RunAsync();
    return 0;
}
