using System.Text.Json.Nodes;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Events;
using ScaiGrid.Platform.Webhooks;

namespace ScaiGrid.Platform.Accounting;

/// <summary>
/// Publishes an event for each inference call, in the transaction that stores its usage. Only for subscribed tenants, because there are many.
/// </summary>
internal sealed class RequestEvents(EventOutbox events)
{
    public async Task AddAsync(PlatformDb db, IReadOnlyList<UsageRow> rows, CancellationToken cancellationToken)
    {
        string[] tenantIds = [.. rows.Select(row => row.TenantId).Distinct()];
        var listening = await db.Webhooks.AsNoTracking()
            .Where(webhook => tenantIds.Contains(webhook.TenantId) && webhook.Status == WebhookStatus.Active)
            .Select(webhook => new { webhook.TenantId, webhook.Events })
            .ToListAsync(cancellationToken);
        var subscribed = listening
            .SelectMany(webhook => Webhook.ReadEvents(webhook.Events).Select(pattern => (webhook.TenantId, pattern)))
            .ToLookup(pair => pair.TenantId, pair => pair.pattern);
        events.AddRange(db, rows
            .Where(row => subscribed[row.TenantId].Any(pattern => EventPatterns.Matches(pattern, TypeOf(row))))
            .Select(row => new GridEvent(TypeOf(row), "accounting", row.TenantId, row.PartnerId, Payload(row))));
    }

    /// <summary>A call whose caller disconnected counts as failed, because it was not completed.</summary>
    private static string TypeOf(UsageRow row) => row.Status == "ok" ? EventTypes.RequestCompleted : EventTypes.RequestFailed;

    private static JsonObject Payload(UsageRow row) => new()
    {
        ["request_id"] = row.RequestId,
        ["usage_id"] = row.Id,
        ["model"] = row.Model,
        ["backend_id"] = row.BackendId,
        ["user_id"] = row.UserId,
        ["api_key_id"] = row.ApiKeyId,
        ["protocol"] = row.Protocol,
        ["status"] = row.Status,
        ["tokens_in"] = row.TokensIn,
        ["tokens_out"] = row.TokensOut,
        ["cached_tokens"] = row.CachedTokens,
        ["reasoning_tokens"] = row.ReasoningTokens,
        ["cost"] = Money.Format(row.Cost),
        ["estimated"] = row.Estimated,
        ["latency_ms"] = row.LatencyMs,
        ["created_at"] = row.CreatedAt.ToString("O", System.Globalization.CultureInfo.InvariantCulture),
    };
}
