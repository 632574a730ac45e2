#if ASPIRE
using System.Globalization;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using ScaiGrid.AppHost.Local;

namespace ScaiGrid.AppHost;

/// <summary>
/// The graph for a machine with a container engine: each mode is a project, and its stores are containers. It is also published, as a
/// manifest for azd and as a compose file.
/// </summary>
internal static class AspireGraph
{
    private const string Http = "http";

    public static async Task RunAsync(string[] args)
    {
        SetDashboardDefaults();
        var builder = DistributedApplication.CreateBuilder(args);
        if (builder.ExecutionContext.IsPublishMode)
        {
            builder.AddDockerComposeEnvironment("compose");
        }

        var stores = new AspireStores(builder);
        var keys = new AspireKeys(builder);
        var projects = new Dictionary<Mode, IResourceBuilder<ProjectResource>>();
        foreach (var mode in ModeGraph.All)
        {
            var project = AddMode(builder, mode);
            stores.GiveTo(project, mode);
            keys.GiveTo(project, mode);
            foreach (var earlier in mode.WaitsFor)
            {
                project.WaitForCompletion(projects[earlier]);
            }

            projects[mode] = project;
        }

        await builder.Build().RunAsync();
    }

    private static IResourceBuilder<ProjectResource> AddMode(IDistributedApplicationBuilder builder, Mode mode)
    {
        var project = builder.AddProject(Name(mode), $"../{mode.Project}/{mode.Project}.csproj", launchProfileName: null);
        if (builder.ExecutionContext.IsRunMode)
        {
            // Journals and keys in the same place as with --local. A container keeps its own.
            project.WithEnvironment(NeedVariables.DataDirectory, DataDirectory.Locate())
                .WithEnvironment(NeedVariables.ListenAddress, LocalEnvironment.ListenAddress);
        }

        if (mode.Port is not { } setting)
        {
            return project;
        }

        var port = Ports.Read(setting);

        // Not proxied: the mode listens on its own port, as without Aspire, and two listeners cannot share it.
        project.WithHttpEndpoint(port: port, targetPort: port, name: Http, isProxied: false)
            .WithEnvironment(setting.Variable, port.ToString(CultureInfo.InvariantCulture))
            .WithEndpoint(Http, endpoint =>
            {
                endpoint.IsExternal = mode.IsPublic;
                if (setting.IsHttp2)
                {
                    endpoint.Transport = "http2";
                }
            });
        return setting.IsHttp2 ? WithHttp2HealthCheck(builder, project, mode, port) : project.WithHttpHealthCheck(Mode.ReadyPath, endpointName: Http);
    }

    /// <summary>Aspire's own HTTP check uses HTTP/1.1, which a gRPC port does not answer.</summary>
    private static IResourceBuilder<ProjectResource> WithHttp2HealthCheck(
        IDistributedApplicationBuilder builder, IResourceBuilder<ProjectResource> project, Mode mode, int port)
    {
        var key = Name(mode) + "-ready";
        var poller = new ReadinessPoller(TimeProvider.System);
        builder.Services.AddHealthChecks().AddAsyncCheck(key, async cancellationToken =>
            await poller.IsReadyAsync(mode, port, cancellationToken) ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy());
        return project.WithHealthCheck(key);
    }

    /// <summary>Resource names consist of letters, digits and hyphens.</summary>
    private static string Name(Mode mode) => mode.Name.Replace('_', '-');

    /// <summary>Sets what a launch profile would set; the aspire tool sets its own values.</summary>
    private static void SetDashboardDefaults()
    {
        SetDefault("ASPNETCORE_URLS", "http://localhost:15888");
        SetDefault("ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL", "http://localhost:18889");
        SetDefault("ASPIRE_ALLOW_UNSECURED_TRANSPORT", "true");
        SetDefault("DOTNET_ENVIRONMENT", "Development");
    }

    private static void SetDefault(string name, string value)
    {
        if (LocalEnvironment.UserValue(name) is null)
        {
            Environment.SetEnvironmentVariable(name, value);
        }
    }
}
#endif
