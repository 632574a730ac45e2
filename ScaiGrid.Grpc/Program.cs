using System.Globalization;
using Grpc.Core;
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

        // gRPC's own limit applies to the message; the body is a few bytes longer because of its frame.
        kestrel.Limits.MaxRequestBodySize = InferenceOptions.MaxRequestBytes + 1024;
        kestrel.ListenOn(settings, settings.GrpcPort, HttpProtocols.Http2);
    });
    builder.Services.AddGrpc(grpc =>
    {
        grpc.Interceptors.Add<CallInterceptor>();
        grpc.MaxReceiveMessageSize = InferenceOptions.MaxRequestBytes;
    });
    builder.Services.AddGrpcReflection();

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

    app.UseDraining(RejectAsync);
    app.Use(UnreadMessages.AddTrailersAsync);
    app.MapGrpcService<InferenceGrpcService>();
    app.MapGrpcHealthChecksService().AllowAnonymous();
    app.MapGrpcReflectionService().AllowAnonymous();
    app.MapDefaultEndpoints();
    modules.MapGrpc(app);
    await app.RunAsync();
    return 0;
});

// A trailers-only response in gRPC's terms: the status is in the headers of an empty response.
static Task RejectAsync(HttpContext context)
{
    var response = context.Response;
    response.ContentType = "application/grpc";
    response.Headers["grpc-status"] = ((int)StatusCode.Unavailable).ToString(CultureInfo.InvariantCulture);
    response.Headers["grpc-message"] = Uri.EscapeDataString(CoreErrors.Draining.Message);
    response.Headers[GrpcErrors.CodeTrailer] = CoreErrors.Draining.Code;
    response.Headers[GrpcErrors.RetryAfterTrailer] = "1";
    return Task.CompletedTask;
}
