using System.Diagnostics.CodeAnalysis;
using ScaiGrid.Inference.Providers.Anthropic;
using ScaiGrid.Inference.Providers.Azure;
using ScaiGrid.Inference.Providers.Echo;
using ScaiGrid.Inference.Providers.Google;
using ScaiGrid.Inference.Providers.Mistral;
using ScaiGrid.Inference.Providers.OpenAi;
using ScaiGrid.Inference.Providers.Qwen;

namespace ScaiGrid.Inference.Providers;

/// <summary>All providers, by type. A new provider needs a folder and a line here.</summary>
public sealed class ProviderCatalog
{
    private readonly Dictionary<string, IProvider> _providers;

    public ProviderCatalog(UpstreamHttp http, TimeProvider time)
    {
        IProvider[] all =
        [
            new OpenAiProvider("openai", http, time, defaultBaseUrl: "https://api.openai.com/v1"),
            new OpenAiProvider("custom", http, time, defaultBaseUrl: null),
            new AnthropicProvider(http, time),
            new GoogleProvider(http, time),
            new AzureProvider(http, time),
            new MistralProvider(http),
            new QwenProvider(http),
            new EchoProvider(time),
        ];
        _providers = all.ToDictionary(provider => provider.Type);
    }

    public IEnumerable<string> Types => _providers.Keys;

    public bool TryGet(string type, [NotNullWhen(true)] out IProvider? provider) => _providers.TryGetValue(type, out provider);
}
