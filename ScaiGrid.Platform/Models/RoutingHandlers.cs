using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Models;

/// <summary>The backends that serve a model, and in what order. A PUT replaces the whole policy; without targets, the model is not served.</summary>
internal static class RoutingHandlers
{
    private const int MaxWeight = 10_000;
    private const int MaxPriority = 1000;

    public static async Task<Results<Ok<Envelope<RoutingView>>, ProblemResult>> Get(
        string model, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var id = await db.Models.VisibleTo(caller).Named(model).Select(row => row.Id).SingleOrDefaultAsync(cancellationToken);
        return id is null ? Reply.Problem(InferenceErrors.ModelNotFound) : Reply.Ok(await ViewAsync(id, db, cancellationToken));
    }

    public static async Task<Ok<Envelope<RoutingView>>> Put(
        string model, PutRouting body, Caller caller, AuditEntry audit, IDbContextFactory<PlatformDb> databases, TimeProvider time, CancellationToken cancellationToken) =>
        Reply.Ok(await databases.InOrderAsync(InOrder.Models, (db, token) => PutAsync(model, body, caller, audit, db, time, token), cancellationToken));

    private static async Task<RoutingView> PutAsync(
        string model, PutRouting body, Caller caller, AuditEntry audit, PlatformDb db, TimeProvider time, CancellationToken cancellationToken)
    {
        var id = await db.Models.ManagedBy(caller).Named(model).Select(row => row.Id).SingleOrDefaultAsync(cancellationToken)
            ?? throw new ApiException(InferenceErrors.ModelNotFound);
        audit.ResourceId = id;
        var checks = new Checks();
        var strategy = checks.OneOf("strategy", body.Strategy, RoutingWords.Weighted, [.. RoutingWords.Strategies.Keys]);
        var retry = Retry(checks, body.Retry);
        var targets = await TargetsAsync(checks, id, body.Targets, db, cancellationToken);
        checks.ThrowIfAny();

        var policy = await db.RoutingPolicies.SingleOrDefaultAsync(row => row.ModelId == id, cancellationToken);
        policy ??= db.RoutingPolicies.Add(new RoutingPolicy { ModelId = id, Strategy = strategy, UpdatedAt = time.GetStoredNow() }).Entity;
        (policy.Strategy, policy.Retry, policy.UpdatedAt) = (strategy, retry, time.GetStoredNow());
        await ReplaceAsync(id, targets, db, cancellationToken);
        await db.SaveOrThrowAsync(cancellationToken, duplicate: ModelErrors.RoutingChanged, referenced: ModelErrors.RoutingChanged);
        return await ViewAsync(id, db, cancellationToken);
    }

    /// <returns>The stored form; null for the defaults.</returns>
    private static string? Retry(Checks checks, PutRetry? sent)
    {
        if (sent is null)
        {
            return null;
        }

        var attempts = checks.Between("retry.max_attempts", sent.MaxAttempts, 1, InferenceOptions.MaxAttempts) ?? InferenceOptions.MaxAttempts;
        var on = checks.Words("retry.on", sent.On) ?? [.. RetryPolicy.Words.Order(StringComparer.Ordinal)];
        for (var i = 0; i < on.Length; i++)
        {
            checks.OneOf($"retry.on[{i}]", on[i], "", [.. RetryPolicy.Words.Order(StringComparer.Ordinal)]);
        }

        return RoutingWords.Write(new RetryView(attempts, on));
    }

    private static async Task<List<RoutingTarget>> TargetsAsync(
        Checks checks, string modelId, PutTarget?[]? sent, PlatformDb db, CancellationToken cancellationToken)
    {
        if (sent is null)
        {
            checks.Add("targets", "is required.");
            return [];
        }

        if (sent.Length > ModelRoute.MaxTargets)
        {
            checks.Add("targets", $"must have at most {ModelRoute.MaxTargets} items.");
            return [];
        }

        var ids = sent.Select(target => target?.BackendId).OfType<string>().ToArray();
        var known = await db.Backends.Where(backend => ids.Contains(backend.Id)).Select(backend => backend.Id).ToListAsync(cancellationToken);
        var targets = new Dictionary<string, RoutingTarget>();
        for (var i = 0; i < sent.Length; i++)
        {
            var field = $"targets[{i}]";
            var backendId = checks.Required($"{field}.backend_id", sent[i]?.BackendId, Core.Ids.MaxLength);
            var target = new RoutingTarget
            {
                ModelId = modelId,
                BackendId = backendId,
                Weight = checks.Between($"{field}.weight", sent[i]?.Weight, 0, MaxWeight) ?? 1,
                Priority = checks.Between($"{field}.priority", sent[i]?.Priority, 0, MaxPriority) ?? 0,
            };
            if (backendId.Length == 0)
            {
                continue;
            }

            if (!known.Contains(backendId))
            {
                checks.Add($"{field}.backend_id", "is not a backend.");
            }
            else if (!targets.TryAdd(backendId, target))
            {
                checks.Add($"{field}.backend_id", JsonProblems.Twice);
            }
        }

        return [.. targets.Values];
    }

    private static async Task ReplaceAsync(string modelId, List<RoutingTarget> targets, PlatformDb db, CancellationToken cancellationToken)
    {
        var stored = await db.RoutingTargets.Where(target => target.ModelId == modelId).ToDictionaryAsync(target => target.BackendId, cancellationToken);
        foreach (var target in targets)
        {
            if (stored.Remove(target.BackendId, out var kept))
            {
                (kept.Weight, kept.Priority) = (target.Weight, target.Priority);
            }
            else
            {
                db.RoutingTargets.Add(target);
            }
        }

        db.RoutingTargets.RemoveRange(stored.Values);
    }

    private static async Task<RoutingView> ViewAsync(string modelId, PlatformDb db, CancellationToken cancellationToken)
    {
        var policy = await db.RoutingPolicies.AsNoTracking().SingleOrDefaultAsync(row => row.ModelId == modelId, cancellationToken);
        var targets = await db.RoutingTargets.AsNoTracking()
            .Where(target => target.ModelId == modelId)
            .OrderBy(target => target.Priority).ThenBy(target => target.BackendId)
            .Select(target => new TargetView(target.BackendId, target.Weight, target.Priority))
            .ToListAsync(cancellationToken);
        return new RoutingView(modelId, policy?.Strategy ?? RoutingWords.Weighted, RoutingWords.Read(policy?.Retry), targets);
    }
}

/// <param name="Targets">All targets; others are removed.</param>
/// <param name="Strategy">Among targets of the same priority: weighted (the default), least_inflight, lowest_latency or lowest_cost.</param>
/// <param name="Retry">When a call continues with another target.</param>
public sealed record PutRouting(PutTarget?[]? Targets, string? Strategy = null, PutRetry? Retry = null);

/// <param name="MaxAttempts">The most targets that one call is sent to, 1 to 3 (the default).</param>
/// <param name="On">The failures after which another target is tried: connection, timeout, rate_limit, server_error, bad_answer; all by default.</param>
public sealed record PutRetry(int? MaxAttempts = null, string?[]? On = null);

/// <param name="BackendId">be_…</param>
/// <param name="Weight">Share among the targets of the same priority, 1 by default; 0 is a last resort.</param>
/// <param name="Priority">Lower numbers are tried first; 0 by default.</param>
public sealed record PutTarget(string? BackendId, int? Weight = null, int? Priority = null);

internal sealed record RoutingView(string ModelId, string Strategy, RetryView Retry, IReadOnlyList<TargetView> Targets);

internal sealed record RetryView(int MaxAttempts, IReadOnlyList<string> On);

internal sealed record TargetView(string BackendId, int Weight, int Priority);
