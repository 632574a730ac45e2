using System.Text.Json.Nodes;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>
/// OpenAI's chat completions format over HTTP: <c>openai</c> itself, and <c>custom</c> for anything else that speaks it (vLLM, llama.cpp, Ollama …).
/// Configuration besides the common fields: <c>organization</c>, <c>project</c>.
/// </summary>
internal sealed class OpenAiProvider(string type, UpstreamHttp http, string? defaultBaseUrl) : IProvider, IModelDirectory
{
    private static readonly Dictionary<string, Func<JsonNode?, string?>> Own = new()
    {
        ["organization"] = ProviderSettings.HeaderValue,
        ["project"] = ProviderSettings.HeaderValue,
    };

    public string Type => type;

    public void Validate(JsonObject config, ICollection<ErrorDetail> mistakes) =>
        new ProviderSettings(config).Check(mistakes, needsBaseUrl: defaultBaseUrl is null, Own);

    public BackendClients Connect(BackendConnection connection)
    {
        var address = Address(new ProviderSettings(connection.Config));
        var endpoint = address.At("/chat/completions");
        return new BackendClients { Chat = new HttpChat(http, address, new OpenAiFormat(connection.Model), endpoint, endpoint) };
    }

    public Task<ModelListing> ListModelsAsync(JsonObject config, CancellationToken cancellationToken) =>
        UpstreamModelList.ReadAsync(http, Address(new ProviderSettings(config)), "/models", cancellationToken);

    private UpstreamAddress Address(ProviderSettings settings) => settings.Address(
        defaultBaseUrl, "Authorization", "Bearer ", ("OpenAI-Organization", settings.Text("organization")), ("OpenAI-Project", settings.Text("project")));
}
