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
using ScaiGrid.Platform.Events;

namespace ScaiGrid.Platform.Webhooks;

/// <summary>The deliveries of a webhook and their results, for 30 days.</summary>
internal static class DeliveryEndpoints
{
    public static void MapDeliveries(this IEndpointRouteBuilder group)
    {
        group.MapPost("/webhooks/{id}/test", Test).RequirePermission(Permissions.ManageWebhooks).Audited("webhook.test", "webhook")
            .WithName("TestWebhook").WithSummary("Sends a webhook.test event now, once, and tells what the receiver answered.");
        group.MapGet("/webhooks/{id}/deliveries", List).RequirePermission(Permissions.ManageWebhooks)
            .WithName("ListWebhookDeliveries").WithSummary("What was sent, newest first.");
        group.MapGet("/webhooks/{id}/deliveries/{deliveryId}", Get).RequirePermission(Permissions.ManageWebhooks)
            .WithName("GetWebhookDelivery").WithSummary("One delivery, with the event.");
        group.MapPost("/webhooks/{id}/deliveries/{deliveryId}/redeliver", Redeliver).RequirePermission(Permissions.ManageWebhooks).Audited("webhook.redeliver", "webhook")
            .WithName("RedeliverWebhook").WithSummary("Sends the same event once more, as a new delivery.");
    }

    private static async Task<Results<Ok<Envelope<TestResult>>, ProblemResult>> Test(
        string id, Caller caller, PlatformDb db, WebhookSender sender, TimeProvider time, CancellationToken cancellationToken)
    {
        if (await FindAsync(db, id, caller, cancellationToken) is not { } webhook)
        {
            return Reply.Problem(CoreErrors.NotFound);
        }

        var eventId = Ids.New(Ids.Event, time);
        var happened = new GridEvent(EventTypes.WebhookTest, "webhooks", webhook.TenantId, webhook.PartnerId, new JsonObject { ["webhook_id"] = webhook.Id });
        var queued = new QueuedEvent(eventId, EventTypes.WebhookTest, EventOutbox.Document(happened, eventId, time.GetStoredNow()));
        var delivery = WebhookFanOut.New(webhook.Id, webhook.TenantId, queued, time);
        var attempt = await sender.SendAsync(webhook, delivery, cancellationToken);

        delivery.Status = attempt.Succeeded ? DeliveryStatus.Success : DeliveryStatus.Failed;
        (delivery.Attempts, delivery.StatusCode, delivery.DurationMs) = (1, attempt.StatusCode, attempt.DurationMs);
        (delivery.Error, delivery.CompletedAt) = (attempt.Error, time.GetStoredNow());
        db.WebhookDeliveries.Add(delivery);
        await db.SaveChangesAsync(cancellationToken);
        return Reply.Ok(new TestResult(delivery.Id, attempt.StatusCode, attempt.DurationMs, attempt.Error));
    }

    private static async Task<Results<Ok<PageEnvelope<DeliveryView>>, ProblemResult>> List(
        string id, string? status, string? since, [AsParameters] PageQuery query, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var checks = new Checks();
        var from = checks.Time("since", since);

        // A row gets its time right after its id; a second is more than a clock is set back in between.
        var lowest = from is { } start ? IdTimes.Lowest(Ids.WebhookDelivery, start.AddSeconds(-1)) : null;
        var wanted = status is null ? null : checks.OneOf("status", status, "", DeliveryStatus.Success, DeliveryStatus.Failed, DeliveryStatus.Pending);
        checks.ThrowIfAny();
        if (await FindAsync(db, id, caller, cancellationToken) is null)
        {
            return Reply.Problem(CoreErrors.NotFound);
        }

        var page = await db.ByIndex<WebhookDelivery>(wanted is null ? "ix_webhook_deliveries_webhook" : "ix_webhook_deliveries_status").AsNoTracking()
            .Where(delivery => delivery.WebhookId == id && delivery.TenantId == caller.TenantId)
            .Where(delivery => wanted == null || delivery.Status == wanted)
            .Where(delivery => lowest == null || (delivery.CreatedAt >= from && string.Compare(delivery.Id, lowest) >= 0))
            .NewestAsync(query, Ids.WebhookDelivery, delivery => delivery.Id, cancellationToken);
        return page.As(row => DeliveryView.Of(row, withEvent: false));
    }

    private static async Task<Results<Ok<Envelope<DeliveryView>>, ProblemResult>> Get(
        string id, string deliveryId, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var row = await FindAsync(db, id, deliveryId, caller, cancellationToken);
        return row is null ? Reply.Problem(CoreErrors.NotFound) : Reply.Ok(DeliveryView.Of(row, withEvent: true));
    }

    private static async Task<Results<Accepted<Envelope<DeliveryView>>, ProblemResult>> Redeliver(
        string id, string deliveryId, Caller caller, PlatformDb db, TimeProvider time, CancellationToken cancellationToken)
    {
        if (await FindAsync(db, id, caller, cancellationToken) is not { } webhook || await FindAsync(db, id, deliveryId, caller, cancellationToken) is not { } row)
        {
            return Reply.Problem(CoreErrors.NotFound);
        }

        if (webhook.Status != WebhookStatus.Active || row.Status == DeliveryStatus.Pending)
        {
            return Reply.Problem(webhook.Status != WebhookStatus.Active ? WebhookErrors.NotActive : WebhookErrors.StillPending);
        }

        var again = WebhookFanOut.AddDelivery(db, id, webhook.TenantId, webhook.PartnerId, new QueuedEvent(row.EventId, row.EventType, row.Body), time);
        await db.SaveChangesAsync(cancellationToken);
        return TypedResults.Accepted($"/v1/webhooks/{id}/deliveries/{again.Id}", new Envelope<DeliveryView>(DeliveryView.Of(again, withEvent: false)));
    }

    private static Task<Webhook?> FindAsync(PlatformDb db, string id, Caller caller, CancellationToken cancellationToken) =>
        db.Webhooks.AsNoTracking().SingleOrDefaultAsync(webhook => webhook.Id == id && webhook.TenantId == caller.TenantId, cancellationToken);

    // Deliveries stay in the table after their webhook is deleted, but are no longer shown.
    private static Task<WebhookDelivery?> FindAsync(PlatformDb db, string id, string deliveryId, Caller caller, CancellationToken cancellationToken) =>
        db.WebhookDeliveries.AsNoTracking()
            .Where(delivery => delivery.Id == deliveryId && delivery.WebhookId == id && delivery.TenantId == caller.TenantId)
            .Where(delivery => db.Webhooks.Any(webhook => webhook.Id == delivery.WebhookId))
            .SingleOrDefaultAsync(cancellationToken);
}

/// <param name="DeliveryId">del_…</param>
/// <param name="StatusCode">Null if there was no response.</param>
/// <param name="DurationMs">Milliseconds until the response or the failure.</param>
/// <param name="Error">Null if the receiver accepted the event.</param>
internal sealed record TestResult(string DeliveryId, int? StatusCode, int DurationMs, string? Error);

internal sealed record DeliveryView(
    string Id,
    string WebhookId,
    string EventId,
    string EventType,
    string Status,
    int Attempts,
    int? StatusCode,
    int? DurationMs,
    string? Error,
    DateTimeOffset? NextAttemptAt,
    DateTimeOffset? CompletedAt,
    DateTimeOffset CreatedAt,
    JsonNode? Event)
{
    public static DeliveryView Of(WebhookDelivery row, bool withEvent) => new(
        row.Id,
        row.WebhookId,
        row.EventId,
        row.EventType,
        row.Status,
        row.Attempts,
        row.StatusCode,
        row.DurationMs,
        row.Error,
        row.NextAttemptAt,
        row.CompletedAt,
        row.CreatedAt,
        withEvent ? JsonNode.Parse(row.Body) : null);
}
