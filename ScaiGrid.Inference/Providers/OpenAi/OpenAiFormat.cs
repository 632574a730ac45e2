using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>The upstream uses the caller's format: bytes are passed through, with the model's name replaced.</summary>
/// <param name="model">The upstream's name of the model.</param>
/// <param name="outputLimit">The upstream's field for the output limit, <c>max_tokens</c> or <c>max_completion_tokens</c>; null for the caller's.</param>
/// <param name="isOpenAi">True if the models are OpenAI's own: their names imply what they reject, and they accept <c>metadata</c> only with a stored
/// answer.</param>
/// <param name="like">A model name to decide by, if the model's own does not identify it.</param>
/// <param name="hasOthers">True if the upstream has other makers' models as well, some of which need their reasoning back.</param>
internal sealed partial class OpenAiFormat(string model, string? outputLimit, bool isOpenAi, string? like = null, bool hasOthers = false) : ChatFormat
{
    /// <summary>The setting for the output limit's field.</summary>
    public const string OutputLimit = "output_limit";

    /// <summary>The setting that replaces a name that does not identify the model, such as a deployment's.</summary>
    public const string ModelLike = "model_like";

    private readonly byte[] _modelJson = JsonSerializer.SerializeToUtf8Bytes(model, CanonicalJson.Default.String);

    // These models think by default, and on this path reject tools while they think.
    private readonly string? _toolEffort = isOpenAi && RefusesToolsThinking().IsMatch(like ?? model) ? "none" : null;

    private readonly bool _refusesUnknown = isOpenAi && (!hasOthers || IsOpenAis().IsMatch(like ?? model));

    public static Func<JsonNode?, string?> CheckOutputLimit { get; } = ProviderSettings.OneOf(ChatRequestEditor.MaxTokensField, ChatRequestEditor.MaxCompletionTokensField);

    /// <summary>
    /// The field for an output limit that was translated from another API, if <c>outputLimit</c> is null; null for the one that the surface chose.
    /// </summary>
    public string? TranslatedLimit { get; init; }

    public static string? CheckModelLike(JsonNode? value) => value is JsonValue text && text.TryGetValue<string>(out var name) && IsTelling().IsMatch(name)
        ? null
        : "must be the name of a model of OpenAI's, for example gpt-5.6 or gpt-4.1.";

    public override PooledBytes WriteRequest(ChatRequest request, ModelRoute route, out UpstreamError? refused)
    {
        refused = null;
        var limit = outputLimit ?? (request.IsLimitTranslated ? TranslatedLimit : null);
        return ChatRequestEditor.Edit(request, route, _modelJson, new OpenAiDialect(limit, _toolEffort, isOpenAi, _refusesUnknown));
    }

    [GeneratedRegex(@"\b(gpt-\d|chatgpt|o\d)")]
    private static partial Regex IsTelling();

    // Also as part of a deployment's name, and however that is written.
    [GeneratedRegex(@"(?<![a-z0-9])(gpt-?(\d|audio)|chatgpt|o\d)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex IsOpenAis();

    // From 5.6 on; chat variants do not think.
    [GeneratedRegex(@"gpt-(5\.([6-9]|\d\d)|[6-9])(?!.*chat)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex RefusesToolsThinking();
}
