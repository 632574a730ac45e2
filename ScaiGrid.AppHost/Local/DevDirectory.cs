using System.Net;
using System.Net.Http.Headers;
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
        // A proxy in the environment is not meant for this machine.
        using var api = new HttpClient(new SocketsHttpHandler { UseProxy = false })
        {
            BaseAddress = new Uri(LocalEnvironment.Url(port)),
            Timeout = TimeSpan.FromSeconds(30),
            DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", key) },
        };
        try
        {
            foreach (var people in People.All.GroupBy(person => person.Tenant))
            {
                var slug = people.Key;

                // A tenant that exists may lack users: existing ones answer with a conflict.
                var tenant = await PostAsync(api, "/v1/tenants", new() { ["slug"] = slug, ["display_name"] = slug }, cancellationToken)
                    ?? await FindAsync(api, slug, cancellationToken);
                foreach (var person in tenant is null ? [] : people.AsEnumerable())
                {
                    await PostAsync(
                        api,
                        "/v1/users",
                        new()
                        {
                            ["email"] = person.Email,
                            ["display_name"] = person.Name,
                            ["tenant_id"] = (string?)tenant!["id"],
                            ["roles"] = new JsonArray(person.Role),
                            ["external_id"] = person.Subject,
                        },
                        cancellationToken);
                }
            }
        }
        catch (Exception exception) when (exception is HttpRequestException or JsonException
            || (exception is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            lines.Write(Lines.AppHost, $"The users of the development identity provider could not be made: {exception.Message}");
        }
    }

    /// <returns>The created resource; null if it already exists.</returns>
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

    private static async Task<JsonNode?> FindAsync(HttpClient api, string slug, CancellationToken cancellationToken)
    {
        string? cursor = null;
        do
        {
            var query = cursor is null ? "" : $"&cursor={Uri.EscapeDataString(cursor)}";
            var page = await api.GetFromJsonAsync<JsonObject>($"/v1/tenants?limit=1000{query}", cancellationToken);
            if (page?["data"]?["items"]?.AsArray().FirstOrDefault(tenant => (string?)tenant?["slug"] == slug) is { } found)
            {
                return found;
            }

            cursor = (string?)page?["pagination"]?["next_cursor"];
        }
        while (cursor is not null);
        return null;
    }
}
