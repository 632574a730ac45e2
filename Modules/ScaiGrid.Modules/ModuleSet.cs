using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Modules;

namespace ScaiGrid.Modules;

/// <summary>The modules of one process. The readiness check <c>modules</c> fails if one could not be initialised.</summary>
public sealed class ModuleSet : IHealthCheck
{
    private readonly List<LoadedModule> _modules = [];

    private ModuleSet()
    {
    }

    /// <summary>The scheduled tasks of all active modules.</summary>
    public IEnumerable<ScheduledTask> ScheduledTasks => InUse.SelectMany(module => module.ScheduledTasks);

    private IEnumerable<IModule> InUse => _modules.Where(loaded => loaded.Failure is null).Select(loaded => loaded.Module);

    /// <summary>Loads the selected modules into a host.</summary>
    /// <param name="builder">The host.</param>
    /// <param name="isWorker">Whether to register the Worker's services as well.</param>
    public static ModuleSet AddModules(IHostApplicationBuilder builder, bool isWorker = false)
    {
        var set = new ModuleSet();
        set._modules.AddRange(AllModules.CreateSelected(builder).Select(module => new LoadedModule(module)));
        set.ForEach(module =>
        {
            module.AddServices(builder);
            if (isWorker)
            {
                module.AddWorkerServices(builder);
            }
        });
        foreach (var loaded in set._modules)
        {
            builder.Services.AddSingleton(loaded);
        }

        builder.Services.AddHealthChecks().AddCheck("modules", set, tags: ["ready"]);
        return set;
    }

    /// <summary>Maps each module's HTTP endpoints under <c>/v1/modules/{id}</c>.</summary>
    public void MapEndpoints(IEndpointRouteBuilder endpoints) => ForEach(module =>
        module.MapEndpoints(endpoints.MapGroup($"/v1/modules/{module.Manifest.Id}").WithTags(module.Manifest.DisplayName)));

    /// <summary>Maps each module's gRPC services.</summary>
    public void MapGrpc(IEndpointRouteBuilder endpoints) => ForEach(module => module.MapGrpc(endpoints));

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var failed = _modules.Where(loaded => loaded.Failure is not null).Select(loaded => $"{loaded.Module.Manifest.Id}: {loaded.Failure!.Message}").ToList();
        return Task.FromResult(failed.Count == 0 ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy(string.Join("; ", failed)));
    }

    // Modules may be third-party code: no exception of theirs may keep the platform from starting.
    private void ForEach(Action<IModule> step)
    {
        foreach (var loaded in _modules.Where(loaded => loaded.Failure is null))
        {
            try
            {
                step(loaded.Module);
            }
            catch (Exception exception)
            {
                loaded.Failure = exception;
            }
        }
    }
}
