using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// A chat request in OpenAI's format, as the caller sent it, with what routing and metering need read out of it once.
/// The bytes are never changed: upstream bodies are made by splicing (<see cref="ChatRequestEditor"/>).
/// </summary>
public sealed class ChatRequest(PooledBytes body) : IDisposable
{
    private FieldNames _fields;
    private List<KeyValuePair<string, JsonSpan>>? _nulls;
    private List<RenamedReasoning>? _renamed;
    private List<KeyValuePair<string, JsonSpan>>? _unknown;

    public ReadOnlyMemory<byte> Body => body.Memory;

    /// <summary>The slug that the caller asked for.</summary>
    public string Model { get; internal set; } = "";

    public bool Stream { get; internal set; }

    /// <summary>Whether the caller wants a usage chunk at the end of a stream.</summary>
    public bool IncludeUsage { get; internal set; }

    /// <summary>The caller's bound on output tokens, <c>max_completion_tokens</c> or <c>max_tokens</c>.</summary>
    public int? MaxTokens { get; internal set; }

    /// <summary>Whether the caller said <see cref="MaxTokens"/> in a word of another API, so that its field here is the surface's choice.</summary>
    public bool IsLimitTranslated { get; set; }

    /// <summary>Answers that the caller asked for; each may be as long as <see cref="MaxTokens"/> says. Null where the caller said nothing.</summary>
    public int? Choices { get; internal set; }

    /// <summary>
    /// Whether <c>metadata</c> is a field of the surface that the request came by, so that nobody asked for it to be the upstream's. OpenAI
    /// refuses it in a call whose answer it is not told to store.
    /// </summary>
    public bool OwnsMetadata { get; set; }

    /// <summary>Sent as the bound on output where the caller gave none: what a budget has reserved for.</summary>
    public int? ReservedOutput { get; internal set; }

    /// <summary>What a budget that blocks relies on, so that no field may say more; null where none does.</summary>
    internal OutputBounds? Bounds { get; set; }

    /// <summary>The top-level fields without a rule (<see cref="ChatFieldRules"/>), and the positions of their values, null ones included.</summary>
    internal IReadOnlyList<KeyValuePair<string, JsonSpan>> Unknown => _unknown ?? [];

    /// <summary>What the surface put into earlier messages for the models that gave it; in the order of the body.</summary>
    internal IReadOnlyList<CarriedField> Carried { get; set; } = [];

    /// <summary>What stands under the native surface's name in earlier messages, and may have had another; in the order of the body.</summary>
    internal IReadOnlyList<RenamedReasoning> Renamed => _renamed ?? [];

    /// <summary>Whether a tool's message has a list of parts, which may be other than text.</summary>
    internal bool HasToolParts { get; set; }

    /// <summary>Parts of messages that are not text: pictures, sounds, films, files, however short their addresses are.</summary>
    internal int MediaParts { get; set; }

    internal JsonSpan ModelSpan { get; set; }

    internal JsonSpan StreamOptionsSpan { get; set; }

    internal JsonSpan IncludeUsageSpan { get; set; }

    internal JsonSpan MaxTokensSpan { get; set; }

    internal JsonSpan MaxCompletionTokensSpan { get; set; }

    internal JsonSpan MessagesSpan { get; set; }

    internal JsonSpan MetadataSpan { get; set; }

    /// <summary>True if the caller sent the top-level field with a value other than null.</summary>
    internal bool Has(string field) => _fields.Contains(field) && !NullOf(field).Exists;

    /// <summary>The position of the null that the caller sent for a top-level field, which is as if it were absent; does not exist if there is none.</summary>
    internal JsonSpan NullOf(string field)
    {
        if (_nulls is not null)
        {
            foreach (var (name, span) in _nulls)
            {
                if (name == field)
                {
                    return span;
                }
            }
        }

        return default;
    }

    /// <returns>False if the field was added before.</returns>
    internal bool AddField(string field) => _fields.Add(field);

    internal void AddNull(string field, JsonSpan span) => (_nulls ??= []).Add(new(field, span));

    internal void AddUnknown(string field, JsonSpan span) => (_unknown ??= []).Add(new(field, span));

    internal void AddRenamed(RenamedReasoning reasoning) => (_renamed ??= []).Add(reasoning);

    public void Dispose() => body.Dispose();
}
