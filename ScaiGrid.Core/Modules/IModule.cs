using System.Reflection;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Hosting;

namespace ScaiGrid.Core.Modules;

/// <summary>A pluggable feature area. A host uses only those of its parts that run in that host.</summary>
public interface IModule
{
    ModuleManifest Manifest { get; }

    /// <summary>The assembly with the module's FluentMigrator migrations; null for a module without tables.</summary>
    Assembly? Migrations => null;

    /// <summary>Tasks that the Worker runs: once per due time, whatever the number of workers.</summary>
    IReadOnlyList<ScheduledTask> ScheduledTasks => [];

    /// <summary>Registers services for every host. Hosted services belong in <see cref="AddWorkerServices"/>.</summary>
    void AddServices(IHostApplicationBuilder builder);

    /// <summary>Registers services for the Worker only, such as consumers that run all the time.</summary>
    void AddWorkerServices(IHostApplicationBuilder builder)
    {
    }

    /// <summary>Maps the module's HTTP endpoints into a group rooted at <c>/v1/modules/{id}</c>.</summary>
    void MapEndpoints(RouteGroupBuilder group)
    {
    }

    /// <summary>Maps the module's gRPC services.</summary>
    void MapGrpc(IEndpointRouteBuilder endpoints)
    {
    }
}
