using System.Text.Json.Nodes;

namespace ScaiGrid.Tests.Support;

/// <summary>A model with several backends, each with its own upstream and script.</summary>
public sealed class RoutedModel
{
    private readonly ApiDriver _admin;

    private RoutedModel(ApiDriver admin, string slug, IReadOnlyList<string> backends) => (_admin, Slug, Backends) = (admin, slug, backends);

    public string Slug { get; }

    /// <summary>The backends' ids, in the given order.</summary>
    public IReadOnlyList<string> Backends { get; }

    /// <param name="admin">The driver that creates it.</param>
    /// <param name="upstreams">The backends: upstream, its model's name, and optionally prices, weight and priority.</param>
    /// <param name="policy">Fields of the routing in addition to the targets.</param>
    /// <param name="modality">The model's modality.</param>
    public static async Task<RoutedModel> CreateAsync(ApiDriver admin, IReadOnlyList<RoutedBackend> upstreams, object? policy = null, string modality = "chat")
    {
        var unique = Guid.CreateVersion7().ToString("N")[^12..];
        var backends = new List<string>();
        var targets = new JsonArray();
        foreach (var upstream in upstreams)
        {
            var provider = (await admin.PostAsync(
                "/v1/providers",
                new { name = $"routed-{unique}-{backends.Count}", type = upstream.Type, config = new { base_url = upstream.BaseUrl, api_key = "sk-upstream-secret-1234" } })).Created();
            var backend = (await admin.PostAsync(
                "/v1/backends",
                new { provider_id = (string)provider["id"]!, model = upstream.Model, input_price_per_mtok = upstream.Price, output_price_per_mtok = upstream.Price })).Created();
            backends.Add((string)backend["id"]!);
            targets.Add(new JsonObject { ["backend_id"] = backends[^1], ["weight"] = upstream.Weight, ["priority"] = upstream.Priority });
        }

        var model = (await admin.PostAsync("/v1/models", new { slug = $"routed/{unique}", modality })).Created();
        var routing = System.Text.Json.JsonSerializer.SerializeToNode(policy ?? new { })!.AsObject();
        routing["targets"] = targets;
        (await admin.SendAsync(HttpMethod.Put, $"/v1/models/{(string)model["id"]!}/routing", routing.ToJsonString())).Ok();
        return new RoutedModel(admin, $"routed/{unique}", backends);
    }

    /// <summary>A backend's health as seen by <paramref name="api"/>, or by the driver that created the model.</summary>
    public async Task<JsonNode> HealthAsync(int backend, ApiDriver? api = null) => (await (api ?? _admin).GetAsync($"/v1/backends/{Backends[backend]}/health")).Ok();

    public async Task<string> StateAsync(int backend, ApiDriver? api = null) => (string)(await HealthAsync(backend, api))["circuit"]!["state"]!;
}

public sealed record RoutedBackend(string BaseUrl, string Model, int Weight = 1, int Priority = 0, string Price = "0", string Type = "custom");
