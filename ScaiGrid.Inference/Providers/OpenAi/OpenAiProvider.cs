using System.Text.Json.Nodes;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>
/// OpenAI's chat completions format over HTTP: <c>openai</c> itself, and <c>custom</c> for anything else that speaks it (vLLM, llama.cpp, Ollama …).
/// Configuration: <c>base_url</c>, <c>api_key</c>, <c>organization</c>, <c>project</c>, <c>headers</c>.
/// </summary>
internal sealed class OpenAiProvider(string type, UpstreamHttp http, string? defaultBaseUrl) : IProvider
{
    public string Type => type;

    public void Validate(JsonObject config, ICollection<ErrorDetail> mistakes)
    {
        foreach (var (name, value) in config)
        {
            switch (name)
            {
                case "base_url":
                    if (Text(value) is not { } url || !IsHttpUrl(url))
                    {
                        mistakes.Add(new ErrorDetail("base_url", "must be an http or https URL without credentials, query or fragment."));
                    }

                    break;
                case "api_key" or "organization" or "project":
                    if (Text(value) is not { } text || !IsHeaderValue(text))
                    {
                        mistakes.Add(new ErrorDetail(name, "must be a string of printable ASCII characters."));
                    }

                    break;
                case "headers":
                    ValidateHeaders(value, mistakes);
                    break;
                default:
                    mistakes.Add(new ErrorDetail(name, "is not a setting of this provider type: base_url, api_key, organization, project, headers."));
                    break;
            }
        }

        if (defaultBaseUrl is null && !config.ContainsKey("base_url"))
        {
            mistakes.Add(new ErrorDetail("base_url", "is required for this provider type."));
        }
    }

    public BackendClients Connect(BackendConnection connection)
    {
        var config = connection.Config;
        var headers = new List<KeyValuePair<string, string>>();
        Add("OpenAI-Organization", Text(config["organization"]));
        Add("OpenAI-Project", Text(config["project"]));
        foreach (var (name, value) in config["headers"] as JsonObject ?? [])
        {
            Add(name, Text(value));
        }

        var baseUrl = (Text(config["base_url"]) ?? defaultBaseUrl!).TrimEnd('/');
        return new BackendClients
        {
            Chat = new OpenAiChat(http, new Uri(baseUrl + "/chat/completions"), connection.Model, Text(config["api_key"]), headers),
        };

        void Add(string name, string? value)
        {
            if (value is not null)
            {
                headers.Add(new KeyValuePair<string, string>(name, value));
            }
        }
    }

    private static void ValidateHeaders(JsonNode? value, ICollection<ErrorDetail> mistakes)
    {
        if (value is not JsonObject headers)
        {
            mistakes.Add(new ErrorDetail("headers", "must be an object of strings."));
            return;
        }

        foreach (var (name, header) in headers)
        {
            using var probe = new HttpRequestMessage();
            if (Text(header) is not { } text || !IsHeaderValue(text) || !probe.Headers.TryAddWithoutValidation(name, text))
            {
                mistakes.Add(new ErrorDetail($"headers.{name}", "must be a header name with a value of printable ASCII characters."));
            }
        }
    }

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static bool IsHeaderValue(string text) => text.Length is > 0 and <= 4096 && !text.AsSpan().ContainsAnyExceptInRange(' ', '~');

    private static bool IsHttpUrl(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var uri)
        && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps)
        && uri.UserInfo.Length == 0 && uri.Query.Length == 0 && uri.Fragment.Length == 0;
}
