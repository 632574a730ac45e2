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

/// <summary>A module's description.</summary>
/// <param name="Id">Lower case, for example <c>scaibunker</c>: route, table, permission, metric and settings prefix.</param>
/// <param name="DisplayName">The name shown to people.</param>
/// <param name="Version">Semantic version of the module.</param>
/// <param name="Description">One sentence.</param>
/// <param name="Permissions">Keys that start with <c>{Id}:</c>.</param>
public sealed record ModuleManifest(string Id, string DisplayName, string Version, string Description, IReadOnlyList<ModulePermission> Permissions);

/// <summary>A permission that a module declares. Tenant, partner and super admins have it while the module is active.</summary>
/// <param name="Key"><c>{module}:{verb}</c> or <c>{module}:{resource}:{verb}</c>.</param>
/// <param name="DisplayName">The name shown to people.</param>
/// <param name="Description">One sentence.</param>
/// <param name="ForViewers">Whether <see cref="Identity.Roles.TenantViewer"/> has it as well.</param>
public sealed record ModulePermission(string Key, string DisplayName, string Description, bool ForViewers = false);
