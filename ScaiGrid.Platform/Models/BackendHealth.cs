using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Http;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Snapshot;

namespace ScaiGrid.Platform.Models;

/// <summary>
/// What is known of a backend: whether it can be called, and how many calls this replica has open. Outcomes of calls are not
/// judged yet, so degraded and unhealthy are never claimed.
/// </summary>
internal static class BackendHealth
{
    public static async Task<Results<Ok<Envelope<BackendHealthView>>, ProblemResult>> Get(
        string id, PlatformDb db, BackendPool pool, CancellationToken cancellationToken)
    {
        var status = await db.Backends.AsNoTracking()
            .Where(backend => backend.Id == id)
            .Select(backend => backend.Status)
            .SingleOrDefaultAsync(cancellationToken);
        if (status is null)
        {
            return Reply.Problem(ModelErrors.BackendNotFound);
        }

        if (pool.Find(id) is not { } backend)
        {
            var reason = status == BackendStatus.Disabled ? "The backend is disabled." : "Its configuration or credentials cannot be used; the log says why.";
            return Reply.Ok(new BackendHealthView(id, "unavailable", reason, InflightRequests: 0));
        }

        return Reply.Ok(new BackendHealthView(id, "healthy", "The backend is active; the outcomes of its calls are not judged yet.", backend.InFlight));
    }
}

/// <param name="BackendId">Which backend.</param>
/// <param name="Status">healthy or unavailable.</param>
/// <param name="Reason">Why, for people.</param>
/// <param name="InflightRequests">Calls that the answering replica has open.</param>
internal sealed record BackendHealthView(string BackendId, string Status, string Reason, int InflightRequests);
