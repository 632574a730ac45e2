using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using ScaiGrid.Api;
using ScaiGrid.Api.Documentation;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Surfaces;
using ScaiGrid.Modules;
using ScaiGrid.Platform;
using ScaiGrid.Platform.Audit;
using ScaiGrid.Platform.Data;
using ScaiGrid.ServiceDefaults;

return await HostRunner.RunAsync(async () =>
{
    var builder = WebApplication.CreateBuilder(args);
    var settings = builder.AddSettings<HostSettings>();
    builder.AddServiceDefaults(new ServiceDefaultsOptions { ServiceName = "scaigrid-http", DrainTimeout = settings.DrainTimeout });
    builder.AddPlatform();
    builder.AddInference();
    var modules = ModuleSet.AddModules(builder);
    builder.AddCors();
    builder.AddApiDocumentation();
    builder.CheckSettings();
    builder.WebHost.ConfigureKestrel(kestrel =>
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = InferenceOptions.MaxRequestBytes;
        kestrel.ListenOn(settings, settings.HttpPort);
    });

    // A connection keeps the 4 KiB buffer for its next request: waiting without one costs an additional system call per request. gRPC does
    // not need this, because its few connections carry many calls each.
    builder.Services.Configure<SocketTransportOptions>(sockets => sockets.WaitForDataBeforeAllocatingBuffer = false);

    await using var app = builder.Build();
    if (!await SchemaCheck.PassesAsync(app))
    {
        return 1;
    }

    app.UseRequestId();
    app.UseMiddleware<ErrorHandling>();
    app.UseRouting();
    app.UseBrowserAccess();
    app.UseDraining(context => ErrorWriter.WriteAsync(context, new Problem(CoreErrors.Draining, RetryAfterSeconds: 1)));
    app.UseAudit();
    app.UseApiKeyAuthentication();
    app.UseIdempotency();

    app.MapDefaultEndpoints();
    app.MapApiDocumentation();
    app.MapInference();
    app.MapPlatform();
    modules.MapEndpoints(app);
    await app.RunAsync();
    return 0;
});
