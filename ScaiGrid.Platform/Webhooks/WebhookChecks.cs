using System.Text.Json;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Security;
using ScaiGrid.Platform.Events;

namespace ScaiGrid.Platform.Webhooks;

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
