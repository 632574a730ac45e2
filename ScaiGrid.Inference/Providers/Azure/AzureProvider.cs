using System.Text.Json.Nodes;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.OpenAi;

namespace ScaiGrid.Inference.Providers.Azure;

/// <summary>
/// Azure OpenAI: OpenAI's format, with a deployment in place of a model. Configuration besides the common fields: with <c>api_version</c> the
/// deployment is in the path; without it, the v1 path takes the deployment as the model. <c>base_url</c> is the resource;
/// <c>model_like</c> replaces the deployment's name, which does not identify its model.
/// With <c>api</c>, chat uses the Responses API instead, to which <c>reasoning_summary</c> applies.
/// </summary>
internal sealed class AzureProvider(UpstreamHttp http, TimeProvider time) : IProvider
{
    private const string V1Path = "/openai/v1";

    private static readonly Dictionary<string, Func<JsonNode?, string?>> Own = new()
    {
        ["api_version"] = ProviderSettings.HeaderValue,
        [OpenAiFormat.OutputLimit] = OpenAiFormat.CheckOutputLimit,
        [OpenAiFormat.ModelLike] = OpenAiFormat.CheckModelLike,
        [OpenAiResponsesFormat.Api] = OpenAiResponsesFormat.CheckApi,
        [OpenAiResponsesFormat.Summary] = OpenAiResponsesFormat.CheckSummary,
    };

    public string Type => "azure";

    public void Validate(JsonObject config, ICollection<ErrorDetail> mistakes) => new ProviderSettings(config).Check(mistakes, http.Egress, needsBaseUrl: true, Own);

    public BackendClients Connect(BackendConnection connection)
    {
        var settings = new ProviderSettings(connection.Config);
        var address = Address(settings);
        var version = settings.Text("api_version");
        return OpenAiOperations.Connect(http, address, connection.Model, isOpenAi: true, UrlOf) with
        {
            Chat = OpenAiResponsesFormat.IsAskedFor(settings)
                ? OpenAiResponsesFormat.Connect(http, address, Responses(), connection, settings, time)
                : Chat(UrlOf("/chat/completions")),

            // A deployment's name does not identify its model, and some models reject a response format: none is sent.
            Images = new OpenAiImages(new UpstreamEndpoint(http, address, UrlOf("/images/generations")), connection.Model, asksForFormat: false),

            // On Azure this is a separate service with its own format.
            Moderations = null,
        };

        HttpChat Chat(Uri endpoint)
        {
            // The dated versions differ in which of the two fields they accept; the v1 path accepts OpenAI's.
            var limit = settings.Text(OpenAiFormat.OutputLimit) ?? (version is null ? ChatRequestEditor.MaxCompletionTokensField : null);
            return new HttpChat(http, address, new AzureFormat(connection.Model, limit, settings.Text(OpenAiFormat.ModelLike)), endpoint, endpoint);
        }

        // The only operation with the deployment in the body in the dated versions too.
        Uri Responses() => address.At(version is null ? $"{V1(address)}/responses" : $"/openai/responses{Query(version)}");

        Uri UrlOf(string operation) => address.At(version is null
            ? V1(address) + operation
            : $"/openai/deployments/{Uri.EscapeDataString(connection.Model)}{operation}{Query(version)}");
    }

    /// <summary>The models that the resource can deploy. Its deployments are listed only by Azure's management API, which needs other credentials.</summary>
    public Task<ModelListing> ListModelsAsync(JsonObject config, CancellationToken cancellationToken)
    {
        var settings = new ProviderSettings(config);
        var address = Address(settings);
        var path = settings.Text("api_version") is { } version ? $"/openai/models{Query(version)}" : $"{V1(address)}/models";
        return UpstreamModelList.ReadAsync(http, address, path, cancellationToken);
    }

    private static UpstreamAddress Address(ProviderSettings settings) => settings.Address(defaultBaseUrl: null, "api-key", "");

    private static string V1(UpstreamAddress address) => address.IsUnder(V1Path) ? "" : V1Path;

    private static string Query(string version) => $"?api-version={Uri.EscapeDataString(version)}";
}
