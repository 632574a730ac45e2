using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Security;

namespace ScaiGrid.Inference.Providers;

/// <summary>
/// Validates the fields of a provider's <c>config</c> when an operator sends them, and reads them when a backend is connected. All types have
/// <c>base_url</c>, <c>api_key</c>, <c>headers</c> and <c>ca_certificate</c>; further fields are a type's own.
/// </summary>
internal sealed partial class ProviderSettings(JsonObject config)
{
    private const int MaxHeaderLength = 4096;

    private static readonly string[] Common = ["base_url", "api_key", "headers", "ca_certificate"];

    public string? Text(string name) => TextOf(config[name]);

    public bool? Flag(string name) => config[name] is JsonValue value && value.TryGetValue<bool>(out var flag) ? flag : null;

    /// <summary>The backend's address, with the key in the provider's own header.</summary>
    /// <param name="defaultBaseUrl">For providers with one public address.</param>
    /// <param name="keyHeader">The header for the key.</param>
    /// <param name="keyPrefix">The prefix of the key in the header.</param>
    /// <param name="more">Further headers of the provider.</param>
    public UpstreamAddress Address(string? defaultBaseUrl, string keyHeader, string keyPrefix, params ReadOnlySpan<(string Name, string? Value)> more)
    {
        var headers = new List<KeyValuePair<string, string>>();
        var secrets = new List<UpstreamSecret>();
        if (Text("api_key") is { } key)
        {
            headers.Add(KeyValuePair.Create(keyHeader, keyPrefix + key));
            secrets.Add(new UpstreamSecret(key, isKey: true));
        }

        foreach (var (name, value) in more)
        {
            if (value is not null)
            {
                headers.Add(KeyValuePair.Create(name, value));
            }
        }

        foreach (var (name, value) in config["headers"] as JsonObject ?? [])
        {
            if (TextOf(value) is { } text)
            {
                headers.Add(KeyValuePair.Create(name, text));
                var isKey = CarriesKey().IsMatch(name);
                secrets.Add(new UpstreamSecret(text, isKey));
                if (isKey && text.LastIndexOf(' ') is >= 0 and var space)
                {
                    // The key alone, without the name of its scheme.
                    secrets.Add(new UpstreamSecret(text[(space + 1)..], isKey));
                }
            }
        }

        return new UpstreamAddress((Text("base_url") ?? defaultBaseUrl!).TrimEnd('/'), headers, secrets)
        {
            Authority = Text("ca_certificate") is { } pem ? TrustedAuthority.Of(pem) : null,
        };
    }

    /// <summary>Validates the configuration, and adds the mistakes, each with the field's name.</summary>
    /// <param name="mistakes">Receives the mistakes.</param>
    /// <param name="egress">The addresses that are allowed for upstreams.</param>
    /// <param name="needsBaseUrl">True for providers without a public address.</param>
    /// <param name="own">Checks of the type's own fields, which return the mistake, or null.</param>
    public void Check(ICollection<ErrorDetail> mistakes, EgressPolicy egress, bool needsBaseUrl, IReadOnlyDictionary<string, Func<JsonNode?, string?>> own)
    {
        foreach (var (name, value) in config)
        {
            switch (name)
            {
                case "base_url":
                    Add(name, CheckUrl(value, egress));
                    break;
                case "api_key":
                    Add(name, HeaderValue(value));
                    break;
                case "headers":
                    CheckHeaders(value, mistakes);
                    break;
                case "ca_certificate":
                    Add(name, TrustedAuthority.Check(TextOf(value)));
                    break;
                default:
                    Add(name, own.TryGetValue(name, out var check) ? check(value) : $"is not a setting of this provider type: {string.Join(", ", Common.Concat(own.Keys))}.");
                    break;
            }
        }

        if (needsBaseUrl && !config.ContainsKey("base_url"))
        {
            mistakes.Add(new ErrorDetail("base_url", "is required for this provider type."));
        }

        void Add(string name, string? mistake)
        {
            if (mistake is not null)
            {
                mistakes.Add(new ErrorDetail(name, mistake));
            }
        }
    }

    public static string? CheckUrl(JsonNode? value, EgressPolicy egress) =>
        TextOf(value) is not { } url || !IsHttpUrl(url, out var uri) ? "must be an http or https URL without credentials, query or fragment."
        : egress.IsAllowed(uri) ? null
        : "leads to an address that calls may not go to: link-local ones, and where SCAIGRID_ALLOW_PRIVATE_UPSTREAMS is off, private ones.";

    /// <summary>Checks a field that goes into a header or a URL.</summary>
    public static string? HeaderValue(JsonNode? value) =>
        TextOf(value) is { } text && IsHeaderValue(text) ? null : "must be a string of printable ASCII characters, and not blank.";

    /// <summary>Creates a check of a field with a fixed set of values.</summary>
    public static Func<JsonNode?, string?> OneOf(params string[] words) =>
        value => TextOf(value) is { } text && words.Contains(text) ? null : $"must be one of {string.Join(", ", words)}.";

    public static string? IsFlag(JsonNode? value) => value is JsonValue flag && flag.TryGetValue<bool>(out _) ? null : "must be true or false.";

    private static void CheckHeaders(JsonNode? value, ICollection<ErrorDetail> mistakes)
    {
        if (value is not JsonObject headers)
        {
            mistakes.Add(new ErrorDetail("headers", "must be an object of strings."));
            return;
        }

        foreach (var (name, header) in headers)
        {
            using var probe = new HttpRequestMessage();
            if (TextOf(header) is not { } text || !IsHeaderValue(text) || !probe.Headers.TryAddWithoutValidation(name, text))
            {
                mistakes.Add(new ErrorDetail($"headers.{name}", "must be a header name with a value of printable ASCII characters, and not blank."));
            }
        }
    }

    private static string? TextOf(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static bool IsHeaderValue(string text) =>
        text.Length <= MaxHeaderLength && !string.IsNullOrWhiteSpace(text) && !text.AsSpan().ContainsAnyExceptInRange(' ', '~');

    private static bool IsHttpUrl(string url, [NotNullWhen(true)] out Uri? uri) =>
        Uri.TryCreate(url, UriKind.Absolute, out uri)
        && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps)
        && uri.UserInfo.Length == 0 && uri.Query.Length == 0 && uri.Fragment.Length == 0;

    // Names of headers that may contain secrets.
    [GeneratedRegex("auth|key|token|secret|cookie", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex CarriesKey();
}
