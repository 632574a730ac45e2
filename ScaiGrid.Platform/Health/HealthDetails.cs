using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Core.Modules;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Snapshot;
using StackExchange.Redis;

namespace ScaiGrid.Platform.Health;

/// <summary>
/// The state of a replica for administrators: the latency of its services, its snapshot, scheduled tasks, modules and settings. What tells of other
/// tenants or of the installation's machines is for super admins only.
/// </summary>
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
        IDbContextFactory<PlatformDb> databases,
        Caller caller,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var database = MeasureAsync(loader.RevisionAsync, time, cancellationToken);
        var cache = MeasureAsync(_ => redis.GetDatabase().PingAsync(), time, cancellationToken);
        var tasks = TasksAsync(databases, caller, cancellationToken);
        var (grid, isOperator) = (snapshots.Current, caller.IsSuperAdmin);
        return Reply.Ok(new HealthView(
            await database,
            await cache,
            new SnapshotView(
                grid.Revision,
                snapshots.Age is { } age ? Math.Round(age.TotalSeconds, 1) : null,
                snapshots.IsStale,
                snapshots.IsRestored,
                isOperator ? grid.Keys.Count : null,
                isOperator ? grid.Models.Count : null),
            [.. modules.Select(module => new ModuleView(module.Module.Manifest.Id, module.Module.Manifest.Version, module.Status))],
            await tasks,
            isOperator ? settings.NamesSet() : null));
    }

    /// <returns>Null if the database cannot be read.</returns>
    private static async Task<IReadOnlyList<TaskView>?> TasksAsync(IDbContextFactory<PlatformDb> databases, Caller caller, CancellationToken cancellationToken)
    {
        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(Bound);
        try
        {
            await using var db = await databases.CreateDbContextAsync(bound.Token);
            var rows = await db.ScheduledTasks.AsNoTracking().OrderBy(row => row.Name).ToListAsync(bound.Token);
            return rows.ConvertAll(row => new TaskView(
                row.Name,
                row.IntervalMs / 1000.0,
                row.LastStartedAt,
                row.LastDurationMs,
                row.LastOutcome,

                // Errors may contain texts of a database or an upstream.
                caller.IsSuperAdmin ? row.LastError : null,
                row.LastOkAt,
                caller.IsSuperAdmin ? row.Worker : null));
        }
        catch (Exception) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
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
    ServiceView Database,
    ServiceView Redis,
    SnapshotView Snapshot,
    IReadOnlyList<ModuleView> Modules,
    IReadOnlyList<TaskView>? ScheduledTasks,
    IReadOnlyList<string>? SettingsSet);

/// <param name="Name">The task's declared name.</param>
/// <param name="IntervalSeconds">From one start to the next.</param>
/// <param name="LastStartedAt">The start of the last run on any worker; null before the first.</param>
/// <param name="LastDurationMs">The duration of the last run.</param>
/// <param name="LastOutcome">ok, failed, timeout or cancelled.</param>
/// <param name="LastError">Why it failed; for super admins only.</param>
/// <param name="LastOkAt">The last successful run.</param>
/// <param name="Worker">The worker of the last run; for super admins only.</param>
internal sealed record TaskView(
    string Name,
    double IntervalSeconds,
    DateTimeOffset? LastStartedAt,
    long? LastDurationMs,
    string? LastOutcome,
    string? LastError,
    DateTimeOffset? LastOkAt,
    string? Worker);

internal sealed record ServiceView(string Status, double? LatencyMs);

/// <param name="Revision">The control plane's revision that this replica serves; -1 before the first load.</param>
/// <param name="AgeSeconds">Seconds since the database last confirmed it.</param>
/// <param name="IsStale">Whether it was not confirmed lately; the replica serves it anyway.</param>
/// <param name="IsRestored">Whether it was read from disk, because the replica started while the database was unavailable.</param>
/// <param name="Keys">Number of valid API keys; for super admins only.</param>
/// <param name="Models">Number of frontend models; for super admins only.</param>
internal sealed record SnapshotView(long Revision, double? AgeSeconds, bool IsStale, bool IsRestored, int? Keys, int? Models);

internal sealed record ModuleView(string ModuleId, string Version, string Status);
