using System.Text.Json.Nodes;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Inference.Providers.Qwen;

/// <summary>
/// Alibaba Cloud's Model Studio in its OpenAI-compatible mode; images and speech exist only in its native API. Configuration besides the common
/// fields: <c>api_url</c>, the native API's URL, for a <c>base_url</c> that does not end in <c>/compatible-mode/v1</c>.
/// </summary>
internal sealed class QwenProvider(UpstreamHttp http) : IProvider
{
    private const string DefaultBaseUrl = "https://dashscope-intl.aliyuncs.com/compatible-mode/v1";
    private const string CompatiblePath = "/compatible-mode/v1";
    private const string GenerationPath = "/services/aigc/multimodal-generation/generation";

    private readonly Dictionary<string, Func<JsonNode?, string?>> _own = new() { ["api_url"] = value => ProviderSettings.CheckUrl(value, http.Egress) };

    public string Type => "qwen";

    public void Validate(JsonObject config, ICollection<ErrorDetail> mistakes) => new ProviderSettings(config).Check(mistakes, http.Egress, needsBaseUrl: false, _own);

    public BackendClients Connect(BackendConnection connection)
    {
        var settings = new ProviderSettings(connection.Config);
        var address = Address(settings);
        var chat = address.At("/chat/completions");
        var compatible = new BackendClients
        {
            Chat = new HttpChat(http, address, new QwenFormat(connection.Model), chat, chat),
            Embeddings = new QwenEmbeddings(new UpstreamEndpoint(http, address, address.At("/embeddings")), connection.Model),
            Transcriptions = new QwenTranscriptions(new UpstreamEndpoint(http, address, chat), connection.Model),
        };
        if ((settings.Text("api_url")?.TrimEnd('/') ?? address.Sibling(CompatiblePath, "/api/v1")) is not { } api)
        {
            return compatible;
        }

        var generation = new UpstreamEndpoint(http, address, new Uri(api + GenerationPath));
        var home = new UpstreamHome(new Uri(api), address.Authority);
        return compatible with
        {
            Home = home,
            Images = new QwenImages(generation, connection.Model),
            Speech = new QwenSpeech(generation, http, home, connection.Model),
        };
    }

    public Task<ModelListing> ListModelsAsync(JsonObject config, CancellationToken cancellationToken) =>
        UpstreamModelList.ReadAsync(http, Address(new ProviderSettings(config)), "/models", cancellationToken);

    private static UpstreamAddress Address(ProviderSettings settings) => settings.Address(DefaultBaseUrl, "Authorization", "Bearer ");
}
