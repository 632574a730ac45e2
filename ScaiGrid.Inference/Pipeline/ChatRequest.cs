using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>The position of a value in a JSON text, in bytes.</summary>
public readonly record struct JsonSpan(int Start, int Length)
{
    public int End => Start + Length;

    public bool Exists => Length > 0;
}

/// <summary>
/// A chat request in OpenAI's format as the caller sent it, with the values that routing and metering need, which are read once.
/// The bytes are never changed: upstream bodies are created by splicing (<see cref="ChatRequestEditor"/>).
/// </summary>
public sealed class ChatRequest(PooledBytes body) : IDisposable
{
    private FieldNames _fields;
    private List<KeyValuePair<string, JsonSpan>>? _nulls;
    private List<RenamedReasoning>? _renamed;
    private List<OtherBound>? _otherBounds;

    public ReadOnlyMemory<byte> Body => body.Memory;

    /// <summary>The requested slug.</summary>
    public string Model { get; internal set; } = "";

    public bool Stream { get; internal set; }

    /// <summary>Whether the caller requested a usage chunk at the end of a stream.</summary>
    public bool IncludeUsage { get; internal set; }

    /// <summary>The caller's limit of output tokens, <c>max_completion_tokens</c> or <c>max_tokens</c>.</summary>
    public int? MaxTokens { get; internal set; }

    /// <summary>Whether the caller set <see cref="MaxTokens"/> by a field of another API, so that its field here was chosen by the surface.</summary>
    public bool IsLimitTranslated { get; set; }

    /// <summary>The number of choices that the caller requested, each limited by <see cref="MaxTokens"/>; null if not specified.</summary>
    public int? Choices { get; internal set; }

    /// <summary>
    /// Whether <c>metadata</c> belongs to the surface of the request, so that the caller did not mean it for the upstream. OpenAI rejects it in a call
    /// whose answer is not to be stored.
    /// </summary>
    public bool OwnsMetadata { get; set; }

    /// <summary>The output limit to send if the caller set none: the one that a budget has reserved for.</summary>
    public int? ReservedOutput { get; internal set; }

    /// <summary>The limits that a blocking budget relies on, which no field may exceed; null without such a budget.</summary>
    internal OutputBounds? Bounds { get; set; }

    /// <summary>Fields of the caller that some upstreams read as output limits under other names.</summary>
    internal IReadOnlyList<OtherBound> OtherBounds => _otherBounds ?? [];

    /// <summary>Fields that the surface added to earlier messages for the models that produced them, in the order of the body.</summary>
    internal IReadOnlyList<CarriedField> Carried { get; set; } = [];

    /// <summary>
    /// Reasoning in earlier messages under the native surface's name, which the upstream may have named differently; in the order of the body.
    /// </summary>
    internal IReadOnlyList<RenamedReasoning> Renamed => _renamed ?? [];

    /// <summary>Whether a tool message has a list of parts, some of which may not be text.</summary>
    internal bool HasToolParts { get; set; }

    /// <summary>The number of message parts that are not text: images, audio, video, files, by URL or inline.</summary>
    internal int MediaParts { get; set; }

    internal JsonSpan ModelSpan { get; set; }

    internal JsonSpan StreamOptionsSpan { get; set; }

    internal JsonSpan IncludeUsageSpan { get; set; }

    internal JsonSpan MaxTokensSpan { get; set; }

    internal JsonSpan MaxCompletionTokensSpan { get; set; }

    internal JsonSpan MessagesSpan { get; set; }

    internal JsonSpan MetadataSpan { get; set; }

    /// <summary>Names of the top-level fields that the caller sent with a value other than null.</summary>
    internal ref FieldNames Fields => ref _fields;

    /// <summary>The position of a top-level field's explicit null, which counts as absent; does not exist if there is none.</summary>
    internal JsonSpan NullOf(string field) => _nulls?.Find(one => one.Key == field).Value ?? default;

    internal void AddNull(string field, JsonSpan span) => (_nulls ??= []).Add(new(field, span));

    internal void AddOtherBound(OtherBound bound) => (_otherBounds ??= []).Add(bound);

    internal void AddRenamed(RenamedReasoning reasoning) => (_renamed ??= []).Add(reasoning);

    public void Dispose() => body.Dispose();
}
