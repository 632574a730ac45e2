using System.Text.Json.Nodes;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>
/// Anthropic's Messages API. Configuration besides the common fields: <c>version</c> (of the API), <c>beta</c> (features to enable),
/// <c>thinking</c> (<c>adaptive</c> or <c>budget</c>) and <c>sampling</c> (whether the model accepts a temperature). The last two default to
/// what the model's name implies; <c>model_like</c> replaces that name.
/// </summary>
internal sealed class AnthropicProvider(UpstreamHttp http, TimeProvider time) : IProvider
{
    private const string DefaultBaseUrl = "https://api.anthropic.com/v1";
    private const string DefaultVersion = "2023-06-01";

    private static readonly Dictionary<string, Func<JsonNode?, string?>> Own = new()
    {
        ["version"] = ProviderSettings.HeaderValue,
        ["beta"] = ProviderSettings.HeaderValue,
        ["thinking"] = ProviderSettings.OneOf("adaptive", "budget"),
        ["sampling"] = ProviderSettings.IsFlag,
        ["model_like"] = value => value is JsonValue text && text.TryGetValue<string>(out var name) && AnthropicModel.IsTelling(name)
            ? null
            : "must be the name of a model of Anthropic's with its generation, for example claude-opus-5-5.",
    };

    public string Type => "anthropic";

    public void Validate(JsonObject config, ICollection<ErrorDetail> mistakes) => new ProviderSettings(config).Check(mistakes, http.Egress, needsBaseUrl: false, Own);

    public BackendClients Connect(BackendConnection connection)
    {
        var settings = new ProviderSettings(connection.Config);
        var model = AnthropicModel.Of(connection.Model, settings);
        var address = Address(settings);
        var endpoint = address.At("/messages");
        return new BackendClients { Chat = new HttpChat(http, address, new AnthropicFormat(model, time), endpoint, endpoint) };
    }

    public Task<ModelListing> ListModelsAsync(JsonObject config, CancellationToken cancellationToken) =>
        UpstreamModelList.ReadAsync(http, Address(new ProviderSettings(config)), "/models?limit=1000", cancellationToken);

    private static UpstreamAddress Address(ProviderSettings settings) => settings.Address(
        DefaultBaseUrl, "x-api-key", "", ("anthropic-version", settings.Text("version") ?? DefaultVersion), (AnthropicThinking.BetaHeader, settings.Text("beta")));
}
