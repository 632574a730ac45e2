using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ScaiGrid.Api;
using ScaiGrid.Api.Documentation;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Inference;
using ScaiGrid.Inference.Surfaces;
using ScaiGrid.Modules;
using ScaiGrid.Modules.Bunker.Storage;
using ScaiGrid.Platform;
using ScaiGrid.Platform.Migrations;
using ScaiGrid.Platform.Scheduling;
using ScaiGrid.ServiceDefaults;

namespace ScaiGrid.Tests.Architecture;

/// <summary>
/// The hosts as their Program.cs configures them, limited to settings and HTTP endpoints. They are built for inspection and never started. <see
/// cref="HostRules"/> compares this class with the programs.
/// </summary>
internal static class Hosts
{
    public static readonly IReadOnlyList<string> Modes = ["http", "grpc", "worker", "bunker_proxy", "migrate"];

    // The values only need to be valid: no connection is made.
    private static readonly Dictionary<string, string?> Settings = new()
    {
        ["SCAIGRID_DATABASE_URL"] = "sqlite:///nowhere/scaigrid.db",
        ["SCAIGRID_REDIS_URL"] = "redis://127.0.0.1:1",
        ["SCAIGRID_SECRET_KEY"] = Support.Secrets.SecretKey,
        ["SCAIGRID_STORAGE_CAPABILITY_KEY"] = Support.Secrets.CapabilityKey,
    };

    private static readonly Dictionary<string, HashSet<Type>> Options = Modes.ToDictionary(mode => mode, mode =>
        CreateBuilder(mode).Services
            .Where(service => !service.IsKeyedService && service.ImplementationInstance is not null)
            .Select(service => service.ServiceType)
            .ToHashSet());

    public static WebApplicationBuilder CreateBuilder(string mode)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Configuration.AddInMemoryCollection(Settings);
        if (mode == "migrate")
        {
            builder.AddMigrations();
            builder.AddSecretRotation();
            AllModules.CreateSelected(builder);
            return builder;
        }

        builder.AddSettings<HostSettings>();
        builder.AddServiceDefaults(new ServiceDefaultsOptions { ServiceName = mode });
        switch (mode)
        {
            case "http":
                AddServing(builder);
                builder.AddCors();
                builder.AddApiDocumentation();
                break;
            case "grpc":
                AddServing(builder);
                break;
            case "worker":
                builder.AddPlatformTasks();
                builder.AddInference();
                AddModules(builder);
                builder.AddScheduling(PlatformTasks.All(builder));
                break;
            case "bunker_proxy":
                builder.AddStorageProxy();
                builder.RequireCapabilityKey();
                break;
        }

        return builder;
    }

    /// <summary>The endpoints of mode http, which maps all of them.</summary>
    public static IReadOnlyList<RouteEndpoint> HttpEndpoints()
    {
        var builder = CreateBuilder("http");
        builder.WebHost.UseKestrelCore();
        using var app = builder.Build();
        app.MapDefaultEndpoints();
        app.MapApiDocumentation();
        app.MapInference();
        app.MapPlatform();
        foreach (var module in AllModules.Create())
        {
            module.MapEndpoints(app.MapGroup($"/v1/modules/{module.Manifest.Id}"));
        }

        return [.. ((IEndpointRouteBuilder)app).DataSources.SelectMany(source => source.Endpoints).Cast<RouteEndpoint>()];
    }

    /// <summary>The modes that bind an options class.</summary>
    public static IReadOnlyList<string> ModesOf(Type options) => [.. Modes.Where(mode => Options[mode].Contains(options))];

    private static void AddServing(IHostApplicationBuilder builder)
    {
        builder.AddPlatform();
        builder.AddInference();
        AddModules(builder);
    }

    private static void AddModules(IHostApplicationBuilder builder)
    {
        foreach (var module in AllModules.CreateSelected(builder))
        {
            module.AddServices(builder);
        }
    }
}
