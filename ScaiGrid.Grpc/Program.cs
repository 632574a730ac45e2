using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Grpc.Hosting;
using ScaiGrid.Grpc.Inference;
using ScaiGrid.Inference;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Modules;
using ScaiGrid.Platform;
using ScaiGrid.Platform.Data;
using ScaiGrid.ServiceDefaults;

return await HostRunner.RunAsync(async () =>
{
    var builder = WebApplication.CreateBuilder(args);
    var settings = builder.AddSettings<HostSettings>();
    builder.AddServiceDefaults(new ServiceDefaultsOptions { ServiceName = "scaigrid-grpc", DrainTimeout = settings.DrainTimeout });
    builder.AddPlatform();
    builder.AddInference();
    var modules = ModuleSet.AddModules(builder);
    builder.CheckSettings();
    builder.WebHost.ConfigureKestrel(kestrel =>
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = InferenceOptions.MaxRequestBytes;
        kestrel.ListenOn(settings, settings.GrpcPort, HttpProtocols.Http2);
    });
    builder.Services.AddGrpc(grpc =>
    {
        grpc.Interceptors.Add<ErrorInterceptor>();

        // Messages of callers without credentials, for health and reflection, are read before anything limits the calls.
        grpc.MaxReceiveMessageSize = 64 * 1024;
    }).AddServiceOptions<InferenceGrpcService>(grpc => grpc.MaxReceiveMessageSize = InferenceOptions.MaxRequestBytes);

    // A few compressed bytes would be a large message that nothing counts. JSON is not accepted compressed either. Afterwards, because an empty list
    // gets the default.
    builder.Services.PostConfigure<GrpcServiceOptions>(grpc => grpc.CompressionProviders.Clear());
    builder.Services.AddGrpcReflection();
    builder.Logging.AddFilter(UnreadMessages.LogOfGrpc, LogLevel.None);

    // Named services report the status of the whole process, to Check and to Watch.
    builder.Services.AddGrpcHealthChecks(health =>
    {
        health.Services.Map("", check => check.Tags.Contains(HealthTags.Serving));
        health.Services.Map("scaigrid.v1.InferenceService", check => check.Tags.Contains(HealthTags.Serving));
    });
    builder.Services.Configure<HealthCheckPublisherOptions>(publisher => publisher.Predicate = check => check.Tags.Contains(HealthTags.Serving));

    await using var app = builder.Build();
    if (!await SchemaCheck.PassesAsync(app))
    {
        return 1;
    }

    app.UseMiddleware<CallId>();
    app.UseDraining(context => GrpcErrors.WriteAsync(context.Response, new Problem(CoreErrors.Draining, RetryAfterSeconds: 1)));
    app.UseMiddleware<CallGate>();
    app.UseMiddleware<UnreadMessages>();
    app.MapGrpcService<InferenceGrpcService>();
    app.MapGrpcHealthChecksService().AllowAnonymous();
    app.MapGrpcReflectionService().AllowAnonymous();
    app.MapDefaultEndpoints();
    modules.MapGrpc(app);
    await app.RunAsync();
    return 0;
});
