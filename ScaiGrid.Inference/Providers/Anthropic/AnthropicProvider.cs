using System.Text.Json.Nodes;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>
/// Anthropic's Messages API. Configuration besides the common fields: <c>version</c> (of the API), <c>beta</c> (features to switch on),
/// <c>thinking</c> (<c>adaptive</c> or <c>budget</c>) and <c>sampling</c> (whether the model takes a temperature), which the model's name
/// decides where they are not given.
/// </summary>
internal sealed class AnthropicProvider(UpstreamHttp http, TimeProvider time) : IProvider, IModelDirectory
{
    private const string DefaultBaseUrl = "https://api.anthropic.com/v1";
    private const string DefaultVersion = "2023-06-01";

    private static readonly Dictionary<string, Func<JsonNode?, string?>> Own = new()
    {
        ["version"] = ProviderSettings.HeaderValue,
        ["beta"] = ProviderSettings.HeaderValue,
        ["thinking"] = ProviderSettings.OneOf("adaptive", "budget"),
        ["sampling"] = ProviderSettings.IsFlag,
    };

    public string Type => "anthropic";

    public void Validate(JsonObject config, ICollection<ErrorDetail> mistakes) => new ProviderSettings(config).Check(mistakes, http.Egress, needsBaseUrl: false, Own);

    public BackendClients Connect(BackendConnection connection)
    {
        var settings = new ProviderSettings(connection.Config);
        var model = AnthropicModel.Of(connection.Model, settings);
        var address = Address(settings, model.BindsThinking ? AnthropicThinking.BindingBeta : null);
        var endpoint = address.At("/messages");
        return new BackendClients { Chat = new HttpChat(http, address, new AnthropicFormat(model, time), endpoint, endpoint) };
    }

    public Task<ModelListing> ListModelsAsync(JsonObject config, CancellationToken cancellationToken) =>
        UpstreamModelList.ReadAsync(http, Address(new ProviderSettings(config)), "/models?limit=1000", cancellationToken);

    /// <param name="settings">The backend's.</param>
    /// <param name="feature">One to switch on besides those that the operator names.</param>
    private static UpstreamAddress Address(ProviderSettings settings, string? feature = null)
    {
        var beta = settings.Text("beta");
        if (feature is not null && beta?.Contains(feature, StringComparison.Ordinal) != true)
        {
            beta = beta is null ? feature : $"{beta},{feature}";
        }

        return settings.Address(DefaultBaseUrl, "x-api-key", "", ("anthropic-version", settings.Text("version") ?? DefaultVersion), ("anthropic-beta", beta));
    }
}
