using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Events;

namespace ScaiGrid.Platform.Webhooks;

/// <summary>Stores what came of deliveries, counts failures in a row, and disables a webhook that has too many of them.</summary>
internal sealed partial class WebhookOutcome(EventOutbox events, TimeProvider time, ILogger<WebhookOutcome> logger)
{
    /// <summary>Failures in a row that disable a webhook.</summary>
    public const int MostFailures = 50;

    private static readonly string Reason = $"{MostFailures} deliveries in a row failed.";

    public async Task StoreAsync(PlatformDb db, IReadOnlyList<DeliveryResult> results, CancellationToken cancellationToken)
    {
        foreach (var result in results)
        {
            Update(db, result);
        }

        var changed = new List<string>();
        foreach (var ofWebhook in results.Where(result => result.Attempt is not null).GroupBy(result => result.Delivery.WebhookId))
        {
            if (await CountAsync(db, ofWebhook.Key, [.. ofWebhook.Select(result => result.Attempt!.Succeeded)], cancellationToken))
            {
                changed.Add(ofWebhook.Key);
            }
        }

        if (changed.Count > 0)
        {
            await DisableAsync(db, changed, cancellationToken);
        }
    }

    private void Update(PlatformDb db, DeliveryResult result)
    {
        var (before, attempt, retryAfter) = result;

        // A copy: the transaction may run again, and must begin from the same state.
        var delivery = before.Copy();
        db.WebhookDeliveries.Attach(delivery);
        if (attempt is not null)
        {
            (delivery.Attempts, delivery.StatusCode, delivery.DurationMs) = (before.Attempts + 1, attempt.StatusCode, attempt.DurationMs);
        }

        delivery.Error = attempt is null ? "The webhook is not active." : attempt.Error;
        delivery.NextAttemptAt = retryAfter is { } delay ? time.GetStoredNow() + delay : null;
        delivery.Status = retryAfter is not null ? DeliveryStatus.Pending : attempt is { Succeeded: true } ? DeliveryStatus.Success : DeliveryStatus.Failed;
        delivery.CompletedAt = retryAfter is null ? time.GetStoredNow() : null;
    }

    /// <returns>Whether there are failures since the last success.</returns>
    private static async Task<bool> CountAsync(PlatformDb db, string webhookId, bool[] succeeded, CancellationToken cancellationToken)
    {
        var webhook = db.Webhooks.Where(row => row.Id == webhookId);
        var last = Array.LastIndexOf(succeeded, true);
        if (last < 0)
        {
            await webhook.ExecuteUpdateAsync(
                row => row.SetProperty(one => one.ConsecutiveFailures, one => one.ConsecutiveFailures + succeeded.Length), cancellationToken);
            return true;
        }

        // A receiver that takes everything costs no write.
        var failures = succeeded.Length - 1 - last;
        await webhook.Where(row => row.ConsecutiveFailures != failures).ExecuteUpdateAsync(
            row => row.SetProperty(one => one.ConsecutiveFailures, failures), cancellationToken);
        return failures > 0;
    }

    private async Task DisableAsync(PlatformDb db, List<string> ids, CancellationToken cancellationToken)
    {
        var failed = await db.Webhooks.AsNoTracking()
            .Where(webhook => ids.Contains(webhook.Id) && webhook.Status == WebhookStatus.Active && webhook.ConsecutiveFailures >= MostFailures)
            .ToListAsync(cancellationToken);
        foreach (var webhook in failed)
        {
            // Whoever makes the change tells of it: another worker may have been quicker.
            var disabled = await db.Webhooks.Where(row => row.Id == webhook.Id && row.Status == WebhookStatus.Active).ExecuteUpdateAsync(
                row => row
                    .SetProperty(one => one.Status, WebhookStatus.Disabled)
                    .SetProperty(one => one.DisabledReason, Reason)
                    .SetProperty(one => one.UpdatedAt, time.GetStoredNow()),
                cancellationToken);
            if (disabled == 0)
            {
                continue;
            }

            events.Add(db, new GridEvent(EventTypes.WebhookAutoDisabled, "webhooks", webhook.TenantId, webhook.PartnerId, new JsonObject
            {
                ["webhook_id"] = webhook.Id,
                ["url"] = webhook.Url,
                ["consecutive_failures"] = webhook.ConsecutiveFailures,
                ["reason"] = Reason,
            }));
            WebhookDisabled(webhook.Id, webhook.TenantId, webhook.ConsecutiveFailures);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Webhook {WebhookId} of {TenantId} is disabled after {Failures} failures in a row.")]
    private partial void WebhookDisabled(string webhookId, string tenantId, int failures);
}
