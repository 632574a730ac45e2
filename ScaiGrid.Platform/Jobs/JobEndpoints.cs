using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Jobs;

/// <summary>Waiting and dead jobs. Administrators see those of their tenant or partner; super admins see all.</summary>
internal static class JobEndpoints
{
    public static void MapJobs(this IEndpointRouteBuilder group)
    {
        group.MapGet("/admin/jobs", List).RequirePermission(Permissions.Administer)
            .WithName("ListJobs").WithSummary("Queued work, newest first; work that ended well has no entry.");
        group.MapGet("/admin/jobs/{id}", Get).RequirePermission(Permissions.Administer)
            .WithName("GetJob").WithSummary("One piece of queued work, with what it is about.");
        group.MapPost("/admin/jobs/{id}/requeue", Requeue).RequirePermission(Permissions.Administer).Audited("job.requeue", "job")
            .WithName("RequeueJob").WithSummary("Has a dead job tried again, from its first attempt.");
        group.MapDelete("/admin/jobs/{id}", Delete).RequirePermission(Permissions.Administer).Audited("job.delete", "job")
            .WithName("DeleteJob").WithSummary("Drops a dead job.");
    }

    private static async Task<Ok<PageEnvelope<JobView>>> List(
        string? queue, string? state, [AsParameters] PageQuery query, Caller caller, PlatformDb db, TimeProvider time, CancellationToken cancellationToken)
    {
        var checks = new Checks();
        var wanted = state is null ? null : checks.OneOf("state", state, "", JobState.Ready, JobState.Dead);
        checks.ThrowIfAny();
        var page = await Visible(db.ByIndex<Job>(Index(caller)), caller).AsNoTracking()
            .Where(job => queue == null || job.Queue == queue)
            .Where(job => wanted == null || job.State == wanted)
            .NewestAsync(query, Ids.Job, job => job.Id, cancellationToken);
        var now = time.GetUtcNow();
        return page.As(row => JobView.Of(row, now, withPayload: false));
    }

    private static async Task<Results<Ok<Envelope<JobView>>, ProblemResult>> Get(
        string id, Caller caller, PlatformDb db, TimeProvider time, CancellationToken cancellationToken)
    {
        var row = await Visible(db.Jobs, caller).AsNoTracking().SingleOrDefaultAsync(job => job.Id == id, cancellationToken);
        return row is null ? Reply.Problem(CoreErrors.NotFound) : Reply.Ok(JobView.Of(row, time.GetUtcNow(), withPayload: true));
    }

    private static async Task<Ok<Envelope<JobView>>> Requeue(
        string id, Caller caller, IDbContextFactory<PlatformDb> contexts, CancellationToken cancellationToken)
    {
        var (found, now) = await contexts.TransactAsync(
            async (db, token) =>
            {
                var now = await DatabaseClock.NowAsync(db, token);
                var requeued = await Visible(db.Jobs, caller).Where(job => job.Id == id && job.State == JobState.Dead).ExecuteUpdateAsync(
                    job => job.SetProperty(row => row.State, JobState.Ready).SetProperty(row => row.Attempts, 0).SetProperty(row => row.RunAt, now), token);
                await ThrowUnlessDoneAsync(db, caller, id, requeued, token);
                return (await Visible(db.Jobs, caller).AsNoTracking().SingleAsync(job => job.Id == id, token), now);
            },
            cancellationToken);
        return Reply.Ok(JobView.Of(found, now, withPayload: false));
    }

    private static async Task<NoContent> Delete(string id, Caller caller, IDbContextFactory<PlatformDb> contexts, CancellationToken cancellationToken)
    {
        await contexts.TransactAsync(
            async (db, token) =>
            {
                // A waiting job may be running at this moment: only dead jobs can be deleted.
                var deleted = await Visible(db.Jobs, caller).Where(job => job.Id == id && job.State == JobState.Dead).ExecuteDeleteAsync(token);
                await ThrowUnlessDoneAsync(db, caller, id, deleted, token);
            },
            cancellationToken);
        return TypedResults.NoContent();
    }

    /// <summary>Throws inside the unit of work, so that the audit log records a refusal instead of a success.</summary>
    private static async Task ThrowUnlessDoneAsync(PlatformDb db, Caller caller, string id, int rows, CancellationToken cancellationToken)
    {
        if (rows == 0)
        {
            throw new ApiException(await Visible(db.Jobs, caller).AnyAsync(job => job.Id == id, cancellationToken) ? JobErrors.NotDead : CoreErrors.NotFound);
        }
    }

    private static IQueryable<Job> Visible(IQueryable<Job> jobs, Caller caller) => caller.ReachOf(Permissions.Administer) switch
    {
        Reach.Grid => jobs,
        Reach.Partner => jobs.Where(job => job.PartnerId == caller.PartnerId),
        _ => jobs.Where(job => job.TenantId == caller.TenantId),
    };

    private static string? Index(Caller caller) => caller.ReachOf(Permissions.Administer) switch
    {
        Reach.Grid => null,
        Reach.Partner => "ix_jobs_partner",
        _ => "ix_jobs_tenant",
    };
}

/// <param name="Id">job_…</param>
/// <param name="Queue">The kind of work.</param>
/// <param name="Lane">The bottleneck that it shares with other jobs, such as a webhook.</param>
/// <param name="State"><c>ready</c>, <c>running</c> or <c>dead</c>.</param>
/// <param name="Attempts">The number of attempts, without postponed and released ones.</param>
/// <param name="RunAt">The earliest time to run; for running work, when its lease expires.</param>
/// <param name="Worker">The worker that has it, or had it last.</param>
/// <param name="Error">The error of the last failed attempt.</param>
/// <param name="TenantId">The job's tenant.</param>
/// <param name="CreatedAt">When it was queued.</param>
/// <param name="Payload">The job's data; only when a single job is read.</param>
internal sealed record JobView(
    string Id,
    string Queue,
    string Lane,
    string State,
    int Attempts,
    DateTimeOffset RunAt,
    string? Worker,
    string? Error,
    string? TenantId,
    DateTimeOffset CreatedAt,
    JsonNode? Payload)
{
    public static JobView Of(Job row, DateTimeOffset now, bool withPayload) => new(
        row.Id,
        row.Queue,
        row.Lane,
        row is { State: JobState.Ready, Lease: not null } && row.RunAt > now ? "running" : row.State,
        row.Attempts,
        row.RunAt,
        row.Worker,
        row.Error,
        row.TenantId,
        row.CreatedAt,
        withPayload ? JsonNode.Parse(row.Payload) : null);
}
