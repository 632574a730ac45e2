using System.Text.Json.Nodes;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>
/// OpenAI's chat completions format over HTTP: <c>openai</c> itself, and <c>custom</c> for other servers of the format (vLLM, llama.cpp, Ollama …).
/// Configuration besides the common fields: <c>organization</c>, <c>project</c>, <c>output_limit</c>, and <c>model_like</c>, which replaces a
/// model name that does not identify the model. With <c>api</c>, chat uses the Responses API instead, to which <c>reasoning_summary</c> applies.
/// </summary>
internal sealed class OpenAiProvider(string type, UpstreamHttp http, TimeProvider time, string? defaultBaseUrl) : IProvider
{
    private static readonly Dictionary<string, Func<JsonNode?, string?>> Own = new()
    {
        ["organization"] = ProviderSettings.HeaderValue,
        ["project"] = ProviderSettings.HeaderValue,
        [OpenAiFormat.OutputLimit] = OpenAiFormat.CheckOutputLimit,
        [OpenAiFormat.ModelLike] = OpenAiFormat.CheckModelLike,
        [OpenAiResponsesFormat.Api] = OpenAiResponsesFormat.CheckApi,
        [OpenAiResponsesFormat.Summary] = OpenAiResponsesFormat.CheckSummary,
    };

    public string Type => type;

    public void Validate(JsonObject config, ICollection<ErrorDetail> mistakes) =>
        new ProviderSettings(config).Check(mistakes, http.Egress, needsBaseUrl: defaultBaseUrl is null, Own);

    public BackendClients Connect(BackendConnection connection)
    {
        var settings = new ProviderSettings(connection.Config);
        var address = Address(settings);
        return OpenAiOperations.Connect(http, address, connection.Model, IsOpenAi(settings), address.At) with
        {
            Chat = OpenAiResponsesFormat.IsAskedFor(settings)
                ? OpenAiResponsesFormat.Connect(http, address, address.At("/responses"), connection, settings, time)
                : ConnectChat(address, connection.Model, settings),
        };
    }

    public Task<ModelListing> ListModelsAsync(JsonObject config, CancellationToken cancellationToken) =>
        UpstreamModelList.ReadAsync(http, Address(new ProviderSettings(config)), "/models", cancellationToken);

    // Servers at another base_url may know only the fields that the caller used.
    private bool IsOpenAi(ProviderSettings settings) =>
        defaultBaseUrl is not null && (settings.Text("base_url") is not { } given || new Uri(given.TrimEnd('/')) == new Uri(defaultBaseUrl));

    private HttpChat ConnectChat(UpstreamAddress address, string model, ProviderSettings settings)
    {
        var isOpenAi = IsOpenAi(settings);
        var limit = settings.Text(OpenAiFormat.OutputLimit) ?? (isOpenAi ? ChatRequestEditor.MaxCompletionTokensField : null);
        var endpoint = address.At("/chat/completions");

        // Some custom servers ignore the newer field, and would answer without a limit.
        var format = new OpenAiFormat(model, limit, isOpenAi, settings.Text(OpenAiFormat.ModelLike))
        {
            TranslatedLimit = defaultBaseUrl is null ? ChatRequestEditor.MaxTokensField : null,
        };
        return new HttpChat(http, address, format, endpoint, endpoint);
    }

    private UpstreamAddress Address(ProviderSettings settings) => settings.Address(
        defaultBaseUrl, "Authorization", "Bearer ", ("OpenAI-Organization", settings.Text("organization")), ("OpenAI-Project", settings.Text("project")));
}
