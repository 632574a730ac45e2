using System.Text.Json.Nodes;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Inference.Providers.Qwen;

/// <summary>Alibaba Cloud's Model Studio in its OpenAI-compatible mode. The common configuration fields only.</summary>
internal sealed class QwenProvider(UpstreamHttp http) : IProvider
{
    private const string DefaultBaseUrl = "https://dashscope-intl.aliyuncs.com/compatible-mode/v1";

    private static readonly Dictionary<string, Func<JsonNode?, string?>> Own = [];

    public string Type => "qwen";

    public void Validate(JsonObject config, ICollection<ErrorDetail> mistakes) => new ProviderSettings(config).Check(mistakes, needsBaseUrl: false, Own);

    public BackendClients Connect(BackendConnection connection)
    {
        var address = new ProviderSettings(connection.Config).Address(DefaultBaseUrl, "Authorization", "Bearer ");
        var endpoint = address.At("/chat/completions");
        return new BackendClients { Chat = new HttpChat(http, address, new QwenFormat(connection.Model), endpoint, endpoint) };
    }
}
