using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Http;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Jobs;

namespace ScaiGrid.Platform.Events;

/// <summary>
/// Publishes events. An event is a database row that is written in the same transaction as the change that it reports, so both are stored or
/// neither is. A worker then delivers it to the subscribers, at least once.
/// </summary>
public sealed class EventOutbox(TimeProvider time)
{
    internal const string Queue = "events";

    internal static readonly JsonSerializerOptions Json = Options();

    /// <summary>Adds an event to the pending changes of <paramref name="db"/>.</summary>
    internal void Add(PlatformDb db, GridEvent happened) => db.Jobs.Add(ToJob(happened));

    /// <summary>Adds several events to the pending changes of <paramref name="db"/>.</summary>
    internal void AddRange(PlatformDb db, IEnumerable<GridEvent> happened) => db.Jobs.AddRange(happened.Select(ToJob));

    /// <summary>For modules, whose contexts do not contain the queue: writes the event in the current transaction of <paramref name="db"/>.</summary>
    public async Task AddAsync(DbContext db, GridEvent happened, CancellationToken cancellationToken)
    {
        if (db.Database.CurrentTransaction is null)
        {
            throw new InvalidOperationException("An event belongs to the transaction of what it tells; begin one first.");
        }

        var job = ToJob(happened);
        var at = Microseconds.From(job.CreatedAt);
        await db.Database.ExecuteSqlAsync(
            $"""
            INSERT INTO jobs (id, queue, lane, state, run_at, attempts, tenant_id, partner_id, payload, created_at)
            VALUES ({job.Id}, {job.Queue}, {job.Lane}, {job.State}, {at}, 0, {job.TenantId}, {job.PartnerId}, {job.Payload}, {at})
            """,
            cancellationToken);
    }

    /// <summary>The document that subscribers receive, byte for byte.</summary>
    internal static string Document(GridEvent happened, string eventId, DateTimeOffset at) => new JsonObject
    {
        ["event_type"] = happened.Type,
        ["event_id"] = eventId,
        ["source"] = happened.Source,
        ["tenant_id"] = happened.TenantId,
        ["partner_id"] = happened.PartnerId,
        ["payload"] = happened.Payload.DeepClone(),
        ["timestamp"] = WireTime.Format(at),
    }.ToJsonString(Json);

    private Job ToJob(GridEvent happened)
    {
        var eventId = Ids.New(Ids.Event, time);
        var queued = new QueuedEvent(eventId, happened.Type, Document(happened, eventId, time.GetStoredNow()));
        return Job.New(time, Queue, JsonSerializer.Serialize(queued, Json), happened.TenantId, happened.PartnerId);
    }

    private static JsonSerializerOptions Options()
    {
        var options = new JsonSerializerOptions();
        WireJson.Configure(options);
        return options;
    }
}

/// <summary>The payload of a job of the event queue.</summary>
/// <param name="EventId">evt_…</param>
/// <param name="EventType">See <see cref="EventTypes"/>.</param>
/// <param name="Body">The document that subscribers receive.</param>
internal sealed record QueuedEvent(string EventId, string EventType, string Body);
