using System.Text.Json.Nodes;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Inference.Providers.Mistral;

/// <summary>Mistral's API. The common configuration fields only.</summary>
internal sealed class MistralProvider(UpstreamHttp http) : IProvider
{
    private const string DefaultBaseUrl = "https://api.mistral.ai/v1";

    private static readonly Dictionary<string, Func<JsonNode?, string?>> Own = [];

    public string Type => "mistral";

    public void Validate(JsonObject config, ICollection<ErrorDetail> mistakes) => new ProviderSettings(config).Check(mistakes, needsBaseUrl: false, Own);

    public BackendClients Connect(BackendConnection connection)
    {
        var address = new ProviderSettings(connection.Config).Address(DefaultBaseUrl, "Authorization", "Bearer ");
        var endpoint = address.At("/chat/completions");
        return new BackendClients { Chat = new HttpChat(http, address, new MistralFormat(connection.Model), endpoint, endpoint) };
    }
}
