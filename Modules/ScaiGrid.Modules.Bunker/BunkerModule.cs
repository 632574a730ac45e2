using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Modules;
using ScaiGrid.Modules.Bunker.Storage;

namespace ScaiGrid.Modules.Bunker;

/// <summary>ScaiBunker: sandboxed compute. Contains the storage proxy, which for throughput also runs alone in mode bunker_proxy.</summary>
public sealed class BunkerModule : IModule
{
    public ModuleManifest Manifest { get; } = new(
        "scaibunker",
        "ScaiBunker",
        "0.1.0",
        "Sandboxed compute: the storage proxy that hands images, snapshots and files to workers.",
        Permissions: []);

    public void AddServices(IHostApplicationBuilder builder) => builder.AddStorageProxy();

    public void MapEndpoints(RouteGroupBuilder group) => group.MapGroup("/storage").MapStorage();
}
