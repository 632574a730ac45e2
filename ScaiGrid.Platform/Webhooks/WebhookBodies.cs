using System.Text.Json;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Security;
using ScaiGrid.Platform.Events;

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

/// <summary>Validates the fields of a webhook.</summary>
internal static class WebhookChecks
{
    private const int UrlLength = 2048;
    private const int LeastSecret = 16;
    private const int MostSecret = 200;

    public static string Url(this Checks checks, string? value, WebhookOptions options)
    {
        var text = checks.Required("url", value, UrlLength);
        if (text.Length == 0)
        {
            return text;
        }

        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("https" or "http") || url.UserInfo.Length > 0 || url.Fragment.Length > 0)
        {
            checks.Add("url", "must be an https URL without user name and fragment.");
        }
        else if (url.Scheme == "http" && !options.AllowHttp)
        {
            checks.Add("url", "must begin with https://.");
        }
        else if (!new EgressPolicy(options.AllowPrivate).IsAllowed(url))
        {
            checks.Add("url", "must lead to a public address.");
        }

        return text;
    }

    public static string Events(this Checks checks, string?[]? value)
    {
        var events = checks.Words("events", value) ?? [];
        if (events.Length == 0)
        {
            checks.Add("events", value is null ? "is required." : "must name at least one event type.");
        }

        for (var i = 0; i < events.Length; i++)
        {
            if (!EventPatterns.IsMeaningful(events[i]))
            {
                checks.Add($"events[{i}]", EventPatterns.Expected);
            }
        }

        return JsonSerializer.Serialize(events);
    }

    public static string? Secret(this Checks checks, string? value)
    {
        if (value is { Length: < LeastSecret or > MostSecret })
        {
            checks.Add("secret", $"must have {LeastSecret} to {MostSecret} characters.");
        }

        return value;
    }

    public static string WebhookStatus(this Checks checks, string? value, string otherwise) =>
        checks.OneOf("status", value, otherwise, Webhooks.WebhookStatus.Active, Webhooks.WebhookStatus.Paused);

    public static int MaxRetries(this Checks checks, int? value, int otherwise) =>
        checks.Between("max_retries", value, 0, WebhookDispatch.MostRetries) ?? otherwise;
}
