using System.Net.Http.Headers;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers;

/// <summary>Where a backend is, and the headers that open its door. Its secrets are here and never in a message.</summary>
/// <param name="baseUrl">Without a slash at its end.</param>
/// <param name="headers">Sent with every request.</param>
/// <param name="secrets">Values that must not show, should an upstream repeat them.</param>
internal sealed class UpstreamAddress(string baseUrl, IReadOnlyList<KeyValuePair<string, string>> headers, IReadOnlyList<Credential> secrets)
{
    private static readonly MediaTypeHeaderValue Json = new("application/json");

    /// <summary>Whether the address ends in the path already.</summary>
    public bool IsUnder(string path) => baseUrl.EndsWith(path, StringComparison.Ordinal);

    public Uri At(string path) => new(baseUrl + path);

    /// <summary>The address with another path at its end; null where it does not end in <paramref name="path"/>.</summary>
    public string? Sibling(string path, string other) => IsUnder(path) ? baseUrl[..^path.Length] + other : null;

    /// <summary>A POST of a JSON document, which must live until the request is sent.</summary>
    public HttpRequestMessage Post(Uri endpoint, PooledBytes body)
    {
        var message = Request(HttpMethod.Post, endpoint);
        message.Content = new ByteArrayContent(body.Array, 0, body.Length);
        message.Content.Headers.ContentType = Json;
        return message;
    }

    public HttpRequestMessage Request(HttpMethod method, Uri endpoint)
    {
        var message = new HttpRequestMessage(method, endpoint);

        // Without a word an upstream may compress as it likes.
        message.Headers.TryAddWithoutValidation("Accept-Encoding", "identity");
        foreach (var (name, value) in headers)
        {
            message.Headers.TryAddWithoutValidation(name, value);
        }

        return message;
    }

    /// <summary>The text without our credentials. Some upstreams put them, or their ends, into their errors.</summary>
    /// <param name="text">What the upstream says.</param>
    /// <param name="inParts">Whether it may show the ends of one: the name of a field only looks like it.</param>
    public string Scrub(string text, bool inParts) => secrets.Aggregate(text, (scrubbed, secret) => secret.Scrub(scrubbed, inParts));
}
