using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Core.Modules;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Platform.Snapshot;
using StackExchange.Redis;

namespace ScaiGrid.Platform.Health;

/// <summary>What an administrator wants to know of a replica: how far its services are, what it serves, how it is set up.</summary>
internal static class HealthDetails
{
    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(2);

    public static void MapHealthDetails(this IEndpointRouteBuilder endpoints) =>
        endpoints.MapGet("/health/detailed", Get).RequirePermission(Permissions.Administer)
            .WithName("GetHealthDetails").WithSummary("How far the services are, what this replica serves, which settings are set.");

    private static async Task<Ok<Envelope<HealthView>>> Get(
        SnapshotLoader loader,
        SnapshotStore snapshots,
        IConnectionMultiplexer redis,
        IEnumerable<LoadedModule> modules,
        SettingsInventory settings,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var database = MeasureAsync(loader.RevisionAsync, time, cancellationToken);
        var cache = MeasureAsync(_ => redis.GetDatabase().PingAsync(), time, cancellationToken);
        var grid = snapshots.Current;
        return Reply.Ok(new HealthView(
            await database,
            await cache,
            new SnapshotView(
                grid.Revision, snapshots.Age is { } age ? Math.Round(age.TotalSeconds, 1) : null, snapshots.IsStale, snapshots.IsRestored, grid.Keys.Count, grid.Models.Count),
            [.. modules.Select(module => new ModuleView(module.Module.Manifest.Id, module.Module.Manifest.Version, module.Status))],
            settings.NamesSet()));
    }

    private static async Task<ServiceView> MeasureAsync<T>(Func<CancellationToken, Task<T>> ask, TimeProvider time, CancellationToken cancellationToken)
    {
        var startedAt = time.GetTimestamp();
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(Bound);
        try
        {
            await ask(bound.Token).WaitAsync(Bound, time, cancellationToken);
            return new ServiceView("ok", Math.Round(time.GetElapsedTime(startedAt).TotalMilliseconds, 3));
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            return new ServiceView("failed", LatencyMs: null);
        }
    }
}

internal sealed record HealthView(
    ServiceView Database, ServiceView Redis, SnapshotView Snapshot, IReadOnlyList<ModuleView> Modules, IReadOnlyList<string> SettingsSet);

internal sealed record ServiceView(string Status, double? LatencyMs);

/// <param name="Revision">The control plane's revision that this replica serves; -1 before the first load.</param>
/// <param name="AgeSeconds">Since the database last confirmed it.</param>
/// <param name="IsStale">Not confirmed lately: the replica serves what it has.</param>
/// <param name="IsRestored">It is the one from disk: the replica started while the database was away.</param>
/// <param name="Keys">Live API keys.</param>
/// <param name="Models">Frontend models.</param>
internal sealed record SnapshotView(long Revision, double? AgeSeconds, bool IsStale, bool IsRestored, int Keys, int Models);

internal sealed record ModuleView(string ModuleId, string Version, string Status);
