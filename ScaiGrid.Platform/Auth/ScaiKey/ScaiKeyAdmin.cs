using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ScaiGrid.Platform.Auth.ScaiKey;

/// <summary>Reads ScaiKey's admin API for the sync: paged lists, with a client-credentials token.</summary>
internal sealed class ScaiKeyAdmin(PlatformIssuer issuer, IssuerHttp http, ScaiKeyOptions options, ScaiKeySyncOptions sync)
{
    private const int PageSize = 200;

    // More pages than this mean that the paging does not terminate.
    private const int MaxPages = 10_000;

    /// <exception cref="IssuerAwayException">ScaiKey returns no token.</exception>
    public async Task<string> TokenAsync(CancellationToken cancellationToken)
    {
        var state = await issuer.Issuer.GetAsync(cancellationToken);
        var form = new Dictionary<string, string> { ["grant_type"] = "client_credentials" };
        if (sync.AdminScope is not null)
        {
            form["scope"] = sync.AdminScope;
        }

        var answer = await http.SendAsync(ClientAuthentication.Request(options, state.Document, form), cancellationToken);
        return answer.Status == HttpStatusCode.OK && Parse(answer.Text) is JsonObject body && (string?)body["access_token"] is { Length: > 0 } token
            ? token
            : throw new IssuerAwayException($"No token for the admin API: status {(int)answer.Status}.");
    }

    /// <summary>Reads all items of a list, or throws: an incomplete list would look like deletions.</summary>
    /// <exception cref="IssuerAwayException">A page could not be read.</exception>
    public async Task<List<JsonObject>> ListAsync(string path, string token, CancellationToken cancellationToken)
    {
        var items = new List<JsonObject>();
        string? cursor = null;
        for (var page = 0; page < MaxPages; page++)
        {
            var url = $"{sync.AdminUrl!.AbsoluteUri.TrimEnd('/')}{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}limit={PageSize}"
                + (cursor is null ? "" : $"&cursor={Uri.EscapeDataString(cursor)}");
            var answer = await http.GetAsync(url, token, cancellationToken);
            var body = answer.Status == HttpStatusCode.OK ? Parse(answer.Text) : null;
            if (Items(body) is not { } found)
            {
                throw new IssuerAwayException($"{path}: status {(int)answer.Status}, or no list.");
            }

            items.AddRange(found.OfType<JsonObject>());
            cursor = Text((body as JsonObject)?["pagination"]?["next_cursor"]) ?? Text((body as JsonObject)?["next_cursor"]);
            if (cursor is null)
            {
                return (body as JsonObject)?["pagination"]?["has_more"]?.GetValueKind() is JsonValueKind.True
                    ? throw new IssuerAwayException($"{path}: there is more, and nothing says where.")
                    : items;
            }
        }

        throw new IssuerAwayException($"{path}: more than {MaxPages} pages.");
    }

    private static JsonArray? Items(JsonNode? body) =>
        body as JsonArray ?? (body as JsonObject)?["items"] as JsonArray ?? (body as JsonObject)?["data"] switch
        {
            JsonArray list => list,
            JsonObject data => data["items"] as JsonArray,
            _ => null,
        };

    private static string? Text(JsonNode? node) => node?.GetValueKind() is JsonValueKind.String && node.GetValue<string>() is { Length: > 0 } text ? text : null;

    private static JsonNode? Parse(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
