using System.Net.Http.Headers;
using System.Text;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers;

/// <summary>A backend's address, and the headers that authenticate us there. Its secrets never appear in messages.</summary>
/// <param name="baseUrl">Without a trailing slash.</param>
/// <param name="headers">Sent with every request.</param>
/// <param name="secrets">Values to remove from an upstream's texts.</param>
internal sealed class UpstreamAddress(string baseUrl, IReadOnlyList<KeyValuePair<string, string>> headers, IReadOnlyList<UpstreamSecret> secrets)
{
    private static readonly MediaTypeHeaderValue Json = new("application/json");

    // An array, because a list's enumerator would be allocated for each request.
    private readonly KeyValuePair<string, string>[] _headers = [.. headers];

    private readonly byte[][] _keys = Shortest([.. secrets.SelectMany(secret => secret.FormsInAnswers()).Distinct()]);

    /// <summary>The authority that verifies the upstream's certificate; null for the system's.</summary>
    public TrustedAuthority? Authority { get; init; }

    /// <summary>Whether the address already ends in the path.</summary>
    public bool IsUnder(string path) => baseUrl.EndsWith(path, StringComparison.Ordinal);

    public Uri At(string path) => new(baseUrl + path);

    /// <summary>The address with another path at its end; null if it does not end in <paramref name="path"/>.</summary>
    public string? Sibling(string path, string other) => IsUnder(path) ? baseUrl[..^path.Length] + other : null;

    /// <summary>Creates a POST of a JSON document, which must live until the request is sent.</summary>
    public HttpRequestMessage Post(Uri endpoint, PooledBytes body)
    {
        var message = Request(HttpMethod.Post, endpoint);
        message.Content = JsonContent(body);
        return message;
    }

    /// <summary>A JSON document as content; the document must live until the request is sent.</summary>
    public static HttpContent JsonContent(PooledBytes body)
    {
        var content = new ByteArrayContent(body.Array, 0, body.Length);
        content.Headers.ContentType = Json;
        return content;
    }

    public HttpRequestMessage Request(HttpMethod method, Uri endpoint)
    {
        var message = new HttpRequestMessage(method, endpoint);

        // Without this header an upstream may compress its answer.
        message.Headers.TryAddWithoutValidation("Accept-Encoding", "identity");
        foreach (var (name, value) in _headers)
        {
            message.Headers.TryAddWithoutValidation(name, value);
        }

        return message;
    }

    /// <summary>Removes our credentials from a text. Some upstreams put them, or their ends, into their errors.</summary>
    /// <param name="text">The upstream's text.</param>
    /// <param name="inParts">Whether to remove the ends of credentials as well; not in the name of a field, which may only look like one.</param>
    public string Scrub(string text, bool inParts) => secrets.Aggregate(text, (scrubbed, secret) => secret.Scrub(scrubbed, inParts));

    /// <summary>
    /// Overwrites our keys in JSON that is no error: some upstreams return the request's headers. The length stays the same, and JSON stays valid.
    /// A key that is spread over several events of a stream is not found.
    /// </summary>
    public void Mask(Span<byte> answer)
    {
        foreach (var key in _keys)
        {
            var rest = answer;
            while (rest.IndexOf(key) is >= 0 and var start)
            {
                rest.Slice(start, key.Length).Fill((byte)'*');
                rest = rest[(start + key.Length)..];
            }
        }
    }

    // A header's value with its scheme contains the key alone, which is enough to look for.
    private static byte[][] Shortest(string[] forms) =>
    [
        .. forms.Where(form => !forms.Any(other => other.Length < form.Length && form.Contains(other, StringComparison.Ordinal)))
            .Select(Encoding.UTF8.GetBytes),
    ];
}
