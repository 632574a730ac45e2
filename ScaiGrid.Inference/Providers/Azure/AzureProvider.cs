using System.Text.Json.Nodes;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Providers.OpenAi;

namespace ScaiGrid.Inference.Providers.Azure;

/// <summary>
/// Azure OpenAI: OpenAI's format, with a deployment for a model. Configuration besides the common fields: <c>api_version</c>, with which
/// the deployment stands in the path; without it, the v1 path takes the deployment as the model. <c>base_url</c> is the resource.
/// </summary>
internal sealed class AzureProvider(UpstreamHttp http) : IProvider
{
    private const string V1Path = "/openai/v1";

    private static readonly Dictionary<string, Func<JsonNode?, string?>> Own = new()
    {
        ["api_version"] = ProviderSettings.HeaderValue,
        [OpenAiFormat.OutputLimit] = OpenAiFormat.CheckOutputLimit,
    };

    public string Type => "azure";

    public void Validate(JsonObject config, ICollection<ErrorDetail> mistakes) => new ProviderSettings(config).Check(mistakes, needsBaseUrl: true, Own);

    public BackendClients Connect(BackendConnection connection)
    {
        var settings = new ProviderSettings(connection.Config);
        var address = settings.Address(defaultBaseUrl: null, "api-key", "");
        var version = settings.Text("api_version");
        var path = version is null
            ? $"{(address.IsUnder(V1Path) ? "" : V1Path)}/chat/completions"
            : $"/openai/deployments/{Uri.EscapeDataString(connection.Model)}/chat/completions?api-version={Uri.EscapeDataString(version)}";
        var endpoint = address.At(path);

        // The dated versions differ in which of the two fields they take; the v1 path is OpenAI's own.
        var format = new OpenAiFormat(connection.Model, settings.Text(OpenAiFormat.OutputLimit) ?? (version is null ? OpenAiFormat.NewLimit : null));
        return new BackendClients { Chat = new HttpChat(http, address, format, endpoint, endpoint) };
    }
}
