using System.Text.Json;
using System.Text.Json.Nodes;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>The caller's format is the upstream's: bytes go through, with the model's name replaced.</summary>
/// <param name="model">The model at the upstream.</param>
/// <param name="outputLimit">The field that bounds the output there, <c>max_tokens</c> or <c>max_completion_tokens</c>; null for the one that the caller used.</param>
internal class OpenAiFormat(string model, string? outputLimit) : ChatFormat
{
    /// <summary>The setting that names the field.</summary>
    public const string OutputLimit = "output_limit";

    /// <summary>What OpenAI's own models take, those that reason without the other one.</summary>
    public const string NewLimit = "max_completion_tokens";

    private readonly byte[] _modelJson = JsonSerializer.SerializeToUtf8Bytes(model, CanonicalJson.Default.String);

    public static Func<JsonNode?, string?> CheckOutputLimit { get; } = ProviderSettings.OneOf("max_tokens", NewLimit);

    public sealed override PooledBytes WriteRequest(ChatRequest request, ModelRoute route, out UpstreamError? refused)
    {
        refused = null;
        return ChatRequestEditor.Edit(request, route, _modelJson, outputLimit);
    }
}
