using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>The caller's format is the upstream's: bytes go through, with the model's name replaced.</summary>
/// <param name="model">The model at the upstream.</param>
/// <param name="outputLimit">The field that bounds the output there, <c>max_tokens</c> or <c>max_completion_tokens</c>; null for the one that the caller used.</param>
/// <param name="isOpenAi">Whether the models there are OpenAI's own, whose names tell what they refuse, and which take <c>metadata</c> with an answer that is to be stored only.</param>
/// <param name="like">The name that tells, where the model's own does not.</param>
internal sealed partial class OpenAiFormat(string model, string? outputLimit, bool isOpenAi, string? like = null) : ChatFormat
{
    /// <summary>The setting that names the field.</summary>
    public const string OutputLimit = "output_limit";

    /// <summary>The setting that stands in for a model's name which does not tell, as those of deployments.</summary>
    public const string ModelLike = "model_like";

    private readonly byte[] _modelJson = JsonSerializer.SerializeToUtf8Bytes(model, CanonicalJson.Default.String);

    // These think unasked, and on this path refuse tools while they think.
    private readonly string? _toolEffort = isOpenAi && RefusesToolsThinking().IsMatch(like ?? model) ? "none" : null;

    public static Func<JsonNode?, string?> CheckOutputLimit { get; } = ProviderSettings.OneOf(ChatRequestEditor.OldLimit, ChatRequestEditor.NewLimit);

    /// <summary>The field for a bound that the caller said in a word of another API, where <c>outputLimit</c> is null; null for the one that the surface chose.</summary>
    public string? TranslatedLimit { get; init; }

    public static string? CheckModelLike(JsonNode? value) => value is JsonValue text && text.TryGetValue<string>(out var name) && IsTelling().IsMatch(name)
        ? null
        : "must be the name of a model of OpenAI's, for example gpt-5.6 or gpt-4.1.";

    public override PooledBytes WriteRequest(ChatRequest request, ModelRoute route, out UpstreamError? refused)
    {
        refused = null;
        var limit = outputLimit ?? (request.IsLimitTranslated ? TranslatedLimit : null);
        return ChatRequestEditor.Edit(request, route, _modelJson, limit, _toolEffort, storesMetadata: isOpenAi, isOurs: true, takesCarried: !isOpenAi);
    }

    [GeneratedRegex(@"\b(gpt-\d|chatgpt|o\d)")]
    private static partial Regex IsTelling();

    // From 5.6; the models for chats do not think.
    [GeneratedRegex(@"gpt-(5\.([6-9]|\d\d)|[6-9])(?!.*chat)")]
    private static partial Regex RefusesToolsThinking();
}
