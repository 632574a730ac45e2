using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Events;

namespace ScaiGrid.Platform.Webhooks;

/// <summary>Stores the results of deliveries, counts failures in a row, and disables a webhook that has too many of them.</summary>
internal sealed partial class WebhookOutcome(EventOutbox events, TimeProvider time, ILogger<WebhookOutcome> logger)
{
    /// <summary>Failures in a row that disable a webhook.</summary>
    public const int MostFailures = 50;

    private static readonly string Reason = $"{MostFailures} deliveries in a row failed.";

    public async Task StoreAsync(PlatformDb db, IReadOnlyList<DeliveryResult> results, CancellationToken cancellationToken)
    {
        await UpdateAsync(db, results, time.GetStoredNow(), cancellationToken);
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

    /// <summary>One statement for all deliveries with the same result: usually all that a receiver accepted together.</summary>
    private static async Task UpdateAsync(PlatformDb db, IReadOnlyList<DeliveryResult> results, DateTimeOffset now, CancellationToken cancellationToken)
    {
        foreach (var alike in results.GroupBy(result => DeliveryChange.Of(result, now), result => result))
        {
            var change = alike.Key;
            List<object?> values = [change.Status, change.Attempts, change.StatusCode, change.Error, change.NextAttemptAt, change.CompletedAt];
            var (ids, durations) = (new List<string>(), new StringBuilder());
            foreach (var result in alike)
            {
                ids.Add(Place(result.Delivery.Id));
                durations.Append(CultureInfo.InvariantCulture, $" WHEN {ids[^1]} THEN {Place(result.Attempt?.DurationMs ?? result.Delivery.DurationMs)}");
            }

            var sql = $$"""
                UPDATE webhook_deliveries SET status = {0}, attempts = {1}, status_code = {2}, error = {3}, next_attempt_at = {4}, completed_at = {5},
                    duration_ms = CASE id{{durations}} END WHERE id IN ({{string.Join(", ", ids)}})
                """;
            await db.Database.ExecuteSqlRawAsync(sql, values!, cancellationToken);

            string Place(object? value)
            {
                values.Add(value);
                return string.Create(CultureInfo.InvariantCulture, $"{{{values.Count - 1}}}");
            }
        }
    }

    /// <returns>Whether there were failures since the last success.</returns>
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

        // A receiver that accepts everything costs no write.
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
            // Only the worker whose update changes the row publishes the event: another one may have been faster.
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

/// <summary>The changes of a delivery by its result, apart from the duration; times are in microseconds.</summary>
internal sealed record DeliveryChange(string Status, int Attempts, int? StatusCode, string? Error, long? NextAttemptAt, long? CompletedAt)
{
    public static DeliveryChange Of(DeliveryResult result, DateTimeOffset now)
    {
        var (before, attempt, retryAfter) = result;
        return new DeliveryChange(
            retryAfter is not null ? DeliveryStatus.Pending : attempt is { Succeeded: true } ? DeliveryStatus.Success : DeliveryStatus.Failed,
            before.Attempts + (attempt is null ? 0 : 1),
            attempt is null ? before.StatusCode : attempt.StatusCode,
            attempt is null ? "The webhook is not active." : attempt.Error,
            retryAfter is { } delay ? Microseconds.From(now + delay) : null,
            retryAfter is null ? Microseconds.From(now) : null);
    }
}
