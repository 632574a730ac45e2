namespace ScaiGrid.Platform.Webhooks;

/// <param name="Url">An https URL of a public address.</param>
/// <param name="Events">Event types, prefixes such as <c>budget.*</c>, or <c>*</c>.</param>
/// <param name="Secret">The key of signatures, at least 16 characters; if omitted, one is generated and returned once.</param>
/// <param name="Status"><c>active</c> (the default) or <c>paused</c>.</param>
/// <param name="MaxRetries">Retries after a failed first attempt, 0 to 5 (the default).</param>
public sealed record CreateWebhook(string? Url, string?[]? Events, string? Secret = null, string? Status = null, int? MaxRetries = null);

/// <summary>Omitted fields keep their values.</summary>
public sealed record UpdateWebhook(string? Url = null, string?[]? Events = null, string? Secret = null, string? Status = null, int? MaxRetries = null);

internal sealed record WebhookView(
    string Id,
    string Url,
    IReadOnlyList<string> Events,
    string Status,
    int MaxRetries,
    int ConsecutiveFailures,
    string? DisabledReason,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt)
{
    public static WebhookView Of(Webhook row) => new(
        row.Id, row.Url, Webhook.ReadEvents(row.Events), row.Status, row.MaxRetries, row.ConsecutiveFailures, row.DisabledReason, row.CreatedAt, row.UpdatedAt);
}

/// <param name="Id">wh_…</param>
/// <param name="Url">The URL to which events are sent.</param>
/// <param name="Events">The subscribed events.</param>
/// <param name="Secret">The generated secret, returned only here; null if the caller sent one.</param>
/// <param name="Status">active or paused.</param>
/// <param name="MaxRetries">Retries after a failed first attempt.</param>
/// <param name="CreatedAt">When it was created.</param>
internal sealed record NewWebhook(
    string Id, string Url, IReadOnlyList<string> Events, string? Secret, string Status, int MaxRetries, DateTimeOffset CreatedAt);
