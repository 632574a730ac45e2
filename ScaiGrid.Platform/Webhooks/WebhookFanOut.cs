using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Events;
using ScaiGrid.Platform.Jobs;

namespace ScaiGrid.Platform.Webhooks;

/// <summary>
/// Turns an event into one delivery for each subscribed webhook of its tenant, in the transaction that removes the event from the outbox: each
/// webhook gets exactly one delivery per event, even after a crash.
/// </summary>
internal sealed class WebhookFanOut(TimeProvider time) : IJobHandler
{
    public Task RunAsync(IReadOnlyList<ClaimedJob> jobs)
    {
        foreach (var job in jobs)
        {
            var queued = JsonSerializer.Deserialize<QueuedEvent>(job.Payload, EventOutbox.Json);
            job.End(queued is null ? JobEnd.Failed("The event has no payload.") : JobEnd.Done(queued));
        }

        return Task.CompletedTask;
    }

    public async Task StoreAsync(PlatformDb db, IReadOnlyList<EndedJob> ended, CancellationToken cancellationToken)
    {
        var webhooks = await WebhooksOfAsync(db, [.. ended.Select(end => end.Job.TenantId).OfType<string>().Distinct()], cancellationToken);
        var (deliveries, jobs) = (new List<WebhookDelivery>(), new List<Job>());
        foreach (var (job, end) in ended)
        {
            if (end.Result is QueuedEvent happened)
            {
                foreach (var webhook in webhooks[job.TenantId!].Where(webhook => webhook.Events.Any(pattern => EventPatterns.Matches(pattern, happened.EventType))))
                {
                    deliveries.Add(New(webhook.Id, job.TenantId!, happened, time));
                    jobs.Add(JobOf(deliveries[^1], job.PartnerId, time));
                }
            }
        }

        await db.InsertAsync(
            "webhook_deliveries",
            ["id", "webhook_id", "tenant_id", "event_id", "event_type", "body", "status", "attempts", "created_at"],
            deliveries.Select(row => new object?[]
            {
                row.Id, row.WebhookId, row.TenantId, row.EventId, row.EventType, row.Body, row.Status, row.Attempts, Microseconds.From(row.CreatedAt),
            }),
            cancellationToken);
        await JobStore.AddAsync(db, jobs, cancellationToken);
    }

    /// <summary>Adds a delivery, and the job that sends it.</summary>
    public static WebhookDelivery AddDelivery(PlatformDb db, string webhookId, string tenantId, string? partnerId, QueuedEvent happened, TimeProvider time)
    {
        var delivery = New(webhookId, tenantId, happened, time);
        db.WebhookDeliveries.Add(delivery);
        db.Jobs.Add(JobOf(delivery, partnerId, time));
        return delivery;
    }

    public static WebhookDelivery New(string webhookId, string tenantId, QueuedEvent happened, TimeProvider time) => new()
    {
        Id = Ids.New(Ids.WebhookDelivery, time),
        WebhookId = webhookId,
        TenantId = tenantId,
        EventId = happened.EventId,
        EventType = happened.EventType,
        Body = happened.Body,
        Status = DeliveryStatus.Pending,
        CreatedAt = time.GetStoredNow(),
    };

    private static Job JobOf(WebhookDelivery delivery, string? partnerId, TimeProvider time) => Job.New(
        time, WebhookDispatch.Queue, JsonSerializer.Serialize(new DeliveryJob(delivery.Id)), delivery.TenantId, partnerId, lane: delivery.WebhookId);

    private static async Task<ILookup<string, (string Id, IReadOnlyList<string> Events)>> WebhooksOfAsync(
        PlatformDb db, string[] tenantIds, CancellationToken cancellationToken)
    {
        var rows = await db.Webhooks.AsNoTracking()
            .Where(webhook => tenantIds.Contains(webhook.TenantId) && webhook.Status == WebhookStatus.Active)
            .Select(webhook => new { webhook.TenantId, webhook.Id, webhook.Events })
            .ToListAsync(cancellationToken);
        return rows.ToLookup(row => row.TenantId, row => (row.Id, Webhook.ReadEvents(row.Events)));
    }
}

/// <summary>The payload of a delivery's job.</summary>
internal sealed record DeliveryJob(string DeliveryId);
