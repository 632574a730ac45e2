using System.Text.Json.Nodes;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Inference.Providers.Mistral;

/// <summary>Mistral's API. It has only the common configuration fields.</summary>
internal sealed class MistralProvider(UpstreamHttp http) : IProvider
{
    private const string DefaultBaseUrl = "https://api.mistral.ai/v1";

    private static readonly Dictionary<string, Func<JsonNode?, string?>> Own = [];

    public string Type => "mistral";

    public void Validate(JsonObject config, ICollection<ErrorDetail> mistakes) => new ProviderSettings(config).Check(mistakes, http.Egress, needsBaseUrl: false, Own);

    public BackendClients Connect(BackendConnection connection)
    {
        var address = Address(connection.Config);
        var chat = address.At("/chat/completions");
        return new BackendClients
        {
            Chat = new HttpChat(http, address, new MistralFormat(connection.Model), chat, chat),
            Embeddings = new MistralEmbeddings(At("/embeddings"), connection.Model),
            Moderations = new MistralModerations(At("/moderations"), connection.Model),
            Speech = new MistralSpeech(At("/audio/speech"), connection.Model),
            Transcriptions = new MistralTranscriptions(At("/audio/transcriptions"), connection.Model),
        };

        UpstreamEndpoint At(string path) => new(http, address, address.At(path));
    }

    public Task<ModelListing> ListModelsAsync(JsonObject config, CancellationToken cancellationToken) =>
        UpstreamModelList.ReadAsync(http, Address(config), "/models", cancellationToken);

    private static UpstreamAddress Address(JsonObject config) => new ProviderSettings(config).Address(DefaultBaseUrl, "Authorization", "Bearer ");
}
