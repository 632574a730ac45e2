using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using ScaiGrid.DevIdentity;

namespace ScaiGrid.AppHost.Local;

/// <summary>
/// Creates the users of the development identity provider in ScaiGrid: two tenants, each with a user for each role. Existing ones are left
/// unchanged, so that it can run at every start.
/// </summary>
internal sealed class DevDirectory(int port, string key, Lines lines)
{
    public const string Examples = "tenant_admin@acme.example, tenant_user@globex.example …";

    public async Task FillAsync(CancellationToken cancellationToken)
    {
        using var api = LocalEnvironment.Client(port, key);
        try
        {
            foreach (var people in People.All.GroupBy(person => person.Tenant))
            {
                var slug = people.Key;
                var tenant = await FindAsync(api, "/v1/tenants", item => (string?)item["slug"] == slug, cancellationToken)
                    ?? await PostAsync(api, "/v1/tenants", new() { ["slug"] = slug, ["display_name"] = slug }, cancellationToken);
                foreach (var person in tenant is null ? [] : people.AsEnumerable())
                {
                    await AddAsync(api, (string)tenant!["id"]!, person, cancellationToken);
                }
            }
        }
        catch (Exception exception) when (exception is HttpRequestException or JsonException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            lines.Write(Lines.AppHost, $"The users of the development identity provider could not be made: {exception.Message}");
        }
    }

    private static async Task AddAsync(HttpClient api, string tenantId, Person person, CancellationToken cancellationToken)
    {
        // Asked first: a refused creation would be a failure in the audit log at every start.
        var path = $"/v1/users?tenant_id={tenantId}";
        if (await FindAsync(api, path, user => (string?)user["email"] == person.Email || (string?)user["external_id"] == person.Subject, cancellationToken) is null)
        {
            var body = new JsonObject
            {
                ["email"] = person.Email,
                ["display_name"] = person.Name,
                ["tenant_id"] = tenantId,
                ["roles"] = new JsonArray(person.Role),
                ["external_id"] = person.Subject,
            };
            await PostAsync(api, "/v1/users", body, cancellationToken);
        }
    }

    /// <returns>The created resource; null if somebody else has just created it.</returns>
    private static async Task<JsonNode?> PostAsync(HttpClient api, string path, JsonObject body, CancellationToken cancellationToken)
    {
        using var response = await api.PostAsJsonAsync(path, body, cancellationToken);
        if (response.StatusCode == HttpStatusCode.Conflict)
        {
            return null;
        }

        response.EnsureSuccessStatusCode();
        return (await response.Content.ReadFromJsonAsync<JsonObject>(cancellationToken))?["data"];
    }

    /// <returns>The first such item of a list; null if there is none.</returns>
    private static async Task<JsonNode?> FindAsync(HttpClient api, string path, Func<JsonNode, bool> isWanted, CancellationToken cancellationToken)
    {
        string? cursor = null;
        do
        {
            var query = cursor is null ? "limit=1000" : $"limit=1000&cursor={Uri.EscapeDataString(cursor)}";
            var page = await api.GetFromJsonAsync<JsonObject>($"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}{query}", cancellationToken);
            if (page?["data"]?["items"]?.AsArray().FirstOrDefault(item => isWanted(item!)) is { } found)
            {
                return found;
            }

            cursor = (string?)page?["pagination"]?["next_cursor"];
        }
        while (cursor is not null);
        return null;
    }
}
