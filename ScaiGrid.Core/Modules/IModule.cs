using System.Reflection;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Hosting;

namespace ScaiGrid.Core.Modules;

/// <summary>A pluggable feature area. Its class is its table of contents; the host decides which parts run where.</summary>
public interface IModule
{
    ModuleManifest Manifest { get; }

    /// <summary>The namespace root of the FluentMigrator classes in this assembly; null for a module without tables.</summary>
    Assembly? Migrations => null;

    /// <summary>Run by the Worker, once per fire whatever the number of workers.</summary>
    IReadOnlyList<ScheduledTask> ScheduledTasks => [];

    /// <summary>Services for every host. No hosted services here: see <see cref="AddWorkerServices"/>.</summary>
    void AddServices(IHostApplicationBuilder builder);

    /// <summary>Services of the Worker only: consumers that run all the time.</summary>
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

/// <summary>What a module says of itself.</summary>
/// <param name="Id">Lower case, for example <c>scaibunker</c>: route, table, permission, metric and settings prefix.</param>
/// <param name="DisplayName">For people.</param>
/// <param name="Version">Semantic version of the module.</param>
/// <param name="Description">One sentence.</param>
/// <param name="Permissions">Keys that start with <c>{Id}:</c>.</param>
public sealed record ModuleManifest(string Id, string DisplayName, string Version, string Description, IReadOnlyList<ModulePermission> Permissions);

/// <summary>A permission that a module declares. Tenant, partner and super admins hold it where the module is in use.</summary>
/// <param name="Key"><c>{module}:{verb}</c> or <c>{module}:{resource}:{verb}</c>.</param>
/// <param name="DisplayName">For people.</param>
/// <param name="Description">One sentence.</param>
/// <param name="ForViewers">Whether <see cref="Identity.Roles.TenantViewer"/> holds it as well.</param>
public sealed record ModulePermission(string Key, string DisplayName, string Description, bool ForViewers = false);
