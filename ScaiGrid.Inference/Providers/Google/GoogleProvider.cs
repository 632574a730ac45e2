using System.Text.Json.Nodes;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Inference.Providers.Google;

/// <summary>
/// Google's Gemini API. Configuration besides the common fields: <c>thinking</c> (<c>level</c> or <c>budget</c>), which defaults to what the
/// model's name implies.
/// </summary>
internal sealed class GoogleProvider(UpstreamHttp http, TimeProvider time) : IProvider
{
    private const string DefaultBaseUrl = "https://generativelanguage.googleapis.com/v1beta";

    private static readonly Dictionary<string, Func<JsonNode?, string?>> Own = new() { ["thinking"] = ProviderSettings.OneOf("level", "budget") };

    public string Type => "google";

    public void Validate(JsonObject config, ICollection<ErrorDetail> mistakes) => new ProviderSettings(config).Check(mistakes, http.Egress, needsBaseUrl: false, Own);

    public BackendClients Connect(BackendConnection connection)
    {
        var settings = new ProviderSettings(connection.Config);
        var address = settings.Address(DefaultBaseUrl, "x-goog-api-key", "");
        var model = $"/models/{Uri.EscapeDataString(connection.Model)}";
        return new BackendClients
        {
            Chat = new HttpChat(
                http,
                address,
                new GoogleFormat(GoogleModel.Of(connection.Model, settings), time),
                whole: address.At($"{model}:generateContent"),
                streamed: address.At($"{model}:streamGenerateContent?alt=sse")),
            Embeddings = new GoogleEmbeddings(At("batchEmbedContents"), connection.Model),
            Images = new GoogleImages(At("predict"), At("generateContent"), connection.Model),
            Speech = new GoogleSpeech(At("generateContent")),
        };

        UpstreamEndpoint At(string method) => new(http, address, address.At($"{model}:{method}"));
    }

    public Task<ModelListing> ListModelsAsync(JsonObject config, CancellationToken cancellationToken) => UpstreamModelList.ReadAsync(
        http, new ProviderSettings(config).Address(DefaultBaseUrl, "x-goog-api-key", ""), "/models?pageSize=1000", cancellationToken);
}
