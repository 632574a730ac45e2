using System.Text.Json;
using System.Text.Unicode;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Inference.Streaming;

/// <summary>
/// One <c>chat.completion.chunk</c>, or one whole <c>chat.completion</c>, with the places that a gateway must touch: the model's name and the usage.
/// </summary>
public readonly struct ChunkView
{
    public required ReadOnlyMemory<byte> Json { get; init; }

    /// <summary>The value of <c>id</c>.</summary>
    public JsonSpan Id { get; init; }

    /// <summary>The value of <c>created</c>.</summary>
    public JsonSpan Created { get; init; }

    /// <summary>The value of <c>model</c>.</summary>
    public JsonSpan Model { get; init; }

    /// <summary>The whole property <c>usage</c>, its name and one comma included, so that removing it leaves valid JSON.</summary>
    public JsonSpan UsageProperty { get; init; }

    public TokenUsage? Usage { get; init; }

    /// <summary>Whether there is a usage, and it does not count the prompt or the output in a way that could be read: it is not shown.</summary>
    public bool HasUnreadableUsage { get; init; }

    /// <summary>Whether there is anything in <c>choices</c>: a chunk that only carries usage has none.</summary>
    public bool HasChoices { get; init; }

    /// <summary>Whether a choice says why it ended: after it, an upstream has nothing more to say.</summary>
    public bool HasFinish { get; init; }

    /// <summary>
    /// Whether the choices use the native surface's words: a finish reason of its closed set, <c>reasoning</c>, text and arguments as strings.
    /// </summary>
    public bool IsNormal { get; init; }

    /// <summary>Whether the chunk is an error document instead.</summary>
    public bool IsError { get; init; }

    /// <summary>The value of the only text that the model wrote in this chunk, quotes included; none where there is more or less than one.</summary>
    internal JsonSpan Text { get; init; }

    /// <summary>Set where the chunk is known to be like others but for its text.</summary>
    internal ChunkShape? Shape { get; init; }

    /// <summary>Scans a document; what the model wrote (text, reasoning, tool arguments) is added to <paramref name="output"/> where given.</summary>
    /// <exception cref="JsonException">Not JSON.</exception>
    public static ChunkView Scan(ReadOnlyMemory<byte> json, PooledBytes? output)
    {
        try
        {
            return Read(json, output);
        }
        catch (InvalidOperationException exception)
        {
            throw new JsonException("A name in the document is no text.", exception);
        }
    }

    /// <summary>The same chunk with another text: what stands behind it has moved.</summary>
    /// <param name="json">The document.</param>
    /// <param name="longer">By how much its text is longer than that of this one.</param>
    /// <param name="shape">What the two have in common.</param>
    internal ChunkView Like(ReadOnlyMemory<byte> json, int longer, ChunkShape? shape) => new()
    {
        Json = json,
        Id = Moved(Id, longer),
        Created = Moved(Created, longer),
        Model = Moved(Model, longer),
        UsageProperty = Moved(UsageProperty, longer),
        HasUnreadableUsage = HasUnreadableUsage,
        HasChoices = HasChoices,
        IsNormal = IsNormal,
        Text = Text with { Length = Text.Length + longer },
        Shape = shape,
    };

    private JsonSpan Moved(JsonSpan span, int by) => span.Start > Text.Start ? span with { Start = span.Start + by } : span;

    // An escaped half of a character in a name is an invalid operation to the reader.
    private static ChunkView Read(ReadOnlyMemory<byte> json, PooledBytes? output)
    {
        if (!Utf8.IsValid(json.Span))
        {
            throw new JsonException("The document is not UTF-8.");
        }

        var reader = new Utf8JsonReader(json.Span);
        JsonSpan id = default, created = default, model = default, usageProperty = default, text = default;
        TokenUsage? usage = null;
        bool hasChoices = false, hasFinish = false, hasFailed = false, isNormal = true, isError = false, hasUnreadableUsage = false;
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException("A chunk must be an object.");
        }

        var previousEnd = (int)reader.BytesConsumed;
        var isFirst = true;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var nameStart = (int)reader.TokenStartIndex;
            if (reader.ValueTextEquals("model"u8))
            {
                model = ReadSpan(ref reader);
            }
            else if (reader.ValueTextEquals("id"u8))
            {
                id = ReadSpan(ref reader);
            }
            else if (reader.ValueTextEquals("created"u8))
            {
                created = ReadSpan(ref reader);
            }
            else if (reader.ValueTextEquals("choices"u8))
            {
                reader.Read();
                (hasChoices, hasFinish, hasFailed, isNormal, text) = ReadChoices(ref reader, output);
            }
            else if (reader.ValueTextEquals("usage"u8))
            {
                reader.Read();
                var isNull = reader.TokenType == JsonTokenType.Null;
                usage = TokenUsage.Read(ref reader);
                hasUnreadableUsage = usage is null or { LacksCompletion: true } && !isNull;
                usageProperty = PropertyWithComma(json.Span, isFirst, previousEnd, nameStart, (int)reader.BytesConsumed);
            }
            else
            {
                var mayBeError = reader.ValueTextEquals("error"u8);
                reader.Read();
                isError |= mayBeError && reader.TokenType != JsonTokenType.Null;
            }

            reader.Skip();
            previousEnd = (int)reader.BytesConsumed;
            isFirst = false;
        }

        return new ChunkView
        {
            Json = json,
            Id = id,
            Created = created,
            Model = model,
            UsageProperty = usageProperty,
            Usage = usage,
            HasUnreadableUsage = hasUnreadableUsage,
            HasChoices = hasChoices,
            HasFinish = hasFinish,
            IsNormal = isNormal,

            // Some, OpenRouter among them, put an error beside a choice that ended by it.
            IsError = isError && (!hasChoices || hasFailed),
            Text = text,
        };
    }

    // The comma before the property goes with it; the first property takes the comma after it instead.
    private static JsonSpan PropertyWithComma(ReadOnlySpan<byte> json, bool isFirst, int previousEnd, int nameStart, int end)
    {
        if (!isFirst)
        {
            return new JsonSpan(previousEnd, end - previousEnd);
        }

        var rest = json[end..];
        var next = rest.IndexOfAnyExcept(" \t\r\n"u8);
        if (next < 0)
        {
            throw new JsonException("The document ends in the middle.");
        }

        var commaEnd = rest[next] == (byte)',' ? end + next + 1 : end;
        return new JsonSpan(nameStart, commaEnd - nameStart);
    }

    private static JsonSpan ReadSpan(ref Utf8JsonReader reader)
    {
        reader.Read();
        return reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray
            ? default
            : new JsonSpan((int)reader.TokenStartIndex, (int)(reader.BytesConsumed - reader.TokenStartIndex));
    }

    private static (bool Any, bool Finish, bool Failed, bool Normal, JsonSpan Text) ReadChoices(ref Utf8JsonReader reader, PooledBytes? output)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            return (false, false, false, true, default);
        }

        var depth = reader.CurrentDepth;
        bool any = false, finish = false, failed = false, normal = true;
        var texts = 0;
        JsonSpan text = default;
        while (reader.Read() && !(reader.TokenType == JsonTokenType.EndArray && reader.CurrentDepth == depth))
        {
            any |= reader.TokenType == JsonTokenType.StartObject && reader.CurrentDepth == depth + 1;
            if (reader.TokenType != JsonTokenType.PropertyName)
            {
                continue;
            }

            if (reader.ValueTextEquals("finish_reason"u8))
            {
                reader.Read();

                // Some say an empty one in every chunk: it is none.
                finish |= reader.TokenType == JsonTokenType.String && reader.ValueSpan.Length > 0;
                failed |= reader.TokenType == JsonTokenType.String && reader.ValueTextEquals("error"u8);
                normal &= reader.TokenType == JsonTokenType.Null || IsFinishReason(ref reader);
            }
            else if (reader.ValueTextEquals("logprobs"u8))
            {
                // Has a list named "content" of its own.
                reader.Read();
                reader.Skip();
            }
            else if (output is not null && IsOutput(ref reader))
            {
                var isForeign = reader.ValueTextEquals("reasoning_content"u8);
                reader.Read();
                normal &= reader.TokenType == JsonTokenType.Null || (reader.TokenType == JsonTokenType.String && !isForeign);
                if (reader.TokenType == JsonTokenType.String)
                {
                    text = new JsonSpan((int)reader.TokenStartIndex, (int)(reader.BytesConsumed - reader.TokenStartIndex));
                    texts++;
                    JsonText.Append(ref reader, output);
                }
            }
        }

        return (any, finish, failed, normal, texts == 1 ? text : default);
    }

    private static bool IsFinishReason(ref Utf8JsonReader reader) =>
        reader.TokenType == JsonTokenType.String
        && (reader.ValueTextEquals("stop"u8) || reader.ValueTextEquals("length"u8) || reader.ValueTextEquals("tool_calls"u8)
            || reader.ValueTextEquals("content_filter"u8) || reader.ValueTextEquals("error"u8));

    private static bool IsOutput(ref Utf8JsonReader reader) =>
        reader.ValueTextEquals("content"u8) || reader.ValueTextEquals("arguments"u8)
        || reader.ValueTextEquals("reasoning_content"u8) || reader.ValueTextEquals("reasoning"u8) || reader.ValueTextEquals("refusal"u8);
}
