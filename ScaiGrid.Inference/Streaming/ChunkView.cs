using System.Text.Json;
using System.Text.Unicode;
using ScaiGrid.Inference.Metering;

namespace ScaiGrid.Inference.Streaming;

/// <summary>
/// One <c>chat.completion.chunk</c>, or one whole <c>chat.completion</c>, with the positions of the fields that the gateway rewrites: the model's
/// name and the usage. In a stream it is valid until the next chunk is read: it may then become that chunk.
/// </summary>
public sealed class ChunkView
{
    private ReadOnlyMemory<byte> _json;

    public required ReadOnlyMemory<byte> Json
    {
        get => _json;
        init => _json = value;
    }

    /// <summary>The value of <c>id</c>.</summary>
    public JsonSpan Id { get; private set; }

    /// <summary>The value of <c>created</c>.</summary>
    public JsonSpan Created { get; private set; }

    /// <summary>The value of <c>model</c>.</summary>
    public JsonSpan Model { get; private set; }

    /// <summary>The whole property <c>usage</c>, including its name and one comma, so that removing it leaves valid JSON.</summary>
    public JsonSpan UsageProperty { get; private set; }

    public TokenUsage? Usage { get; init; }

    /// <summary>The usage in a choice, where Kimi's streams have it; it stays in the choice.</summary>
    public TokenUsage? ChoiceUsage { get; init; }

    /// <summary>Whether there is a choice besides the first, so that the usage in a choice is not that of the answer.</summary>
    public bool HasOtherChoices { get; init; }

    /// <summary>True if there is a <c>usage</c> whose prompt or output count could not be read; it is not shown to the caller.</summary>
    public bool HasUnreadableUsage { get; init; }

    /// <summary>False for a chunk that only carries usage: its <c>choices</c> is empty.</summary>
    public bool HasChoices { get; init; }

    /// <summary>Whether a choice has a finish reason. Upstreams send no more output of that choice after it.</summary>
    public bool HasFinish => Ended != default;

    /// <summary>The choices in the document: one bit for each.</summary>
    public UInt128 Begun { get; init; }

    /// <summary>Those of them that have a finish reason.</summary>
    public UInt128 Ended { get; init; }

    /// <summary>
    /// Whether the choices are already in the native surface's form: a finish reason of its closed set, <c>reasoning</c> as the reasoning field,
    /// text and arguments as strings.
    /// </summary>
    public bool IsNormal { get; init; }

    /// <summary>Whether a choice has a finish reason that OpenAI's clients do not know.</summary>
    public bool HasForeignFinish { get; init; }

    /// <summary>Whether the document is an error instead of a chunk, or a choice ended with one, or was aborted.</summary>
    public bool IsError { get; init; }

    /// <summary>The value of the only text that the model wrote in this chunk, including quotes; empty if there are none or several.</summary>
    internal JsonSpan Text { get; private set; }

    /// <summary>Set if the chunk is known to differ from others only in its text.</summary>
    internal ChunkShape? Shape { get; set; }

    /// <summary>Scans a document and appends what the model wrote (text, reasoning, tool arguments) to <paramref name="output"/>, if given.</summary>
    /// <exception cref="JsonException">Not JSON.</exception>
    public static ChunkView Scan(ReadOnlyMemory<byte> json, PooledBytes? output)
    {
        try
        {
            return Read(json, output);
        }
        catch (InvalidOperationException exception)
        {
            throw new JsonException("A property name in the document is not valid Unicode.", exception);
        }
    }

    /// <summary>A copy with another text.</summary>
    internal ChunkView With(ReadOnlyMemory<byte> json)
    {
        var copy = (ChunkView)MemberwiseClone();
        copy.Become(json);
        return copy;
    }

    /// <summary>Becomes a chunk that differs from this one only in its text.</summary>
    internal void Become(ReadOnlyMemory<byte> json)
    {
        var longer = json.Length - Json.Length;
        _json = json;
        if (longer == 0)
        {
            return;
        }

        (Id, Created, Model, UsageProperty) = (Moved(Id, longer), Moved(Created, longer), Moved(Model, longer), Moved(UsageProperty, longer));
        Text = Text with { Length = Text.Length + longer };
    }

    private JsonSpan Moved(JsonSpan span, int by) => span.Start > Text.Start ? span with { Start = span.Start + by } : span;

    // The reader throws InvalidOperationException if a property name has an escaped half of a surrogate pair.
    private static ChunkView Read(ReadOnlyMemory<byte> json, PooledBytes? output)
    {
        if (!Utf8.IsValid(json.Span))
        {
            throw new JsonException("The document is not UTF-8.");
        }

        var reader = new Utf8JsonReader(json.Span);
        JsonSpan id = default, created = default, model = default, usageProperty = default;
        TokenUsage? usage = null;
        var choices = new ChoicesView { AreNormal = true };
        bool isError = false, hasUnreadableUsage = false;
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
                choices = ReadChoices(ref reader, output);
            }
            else if (reader.ValueTextEquals("usage"u8))
            {
                reader.Read();
                var isNull = reader.TokenType == JsonTokenType.Null;
                usage = TokenUsage.ReadOfChat(ref reader);
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
            ChoiceUsage = choices.Usage,
            HasOtherChoices = choices.HaveOthers,
            HasUnreadableUsage = hasUnreadableUsage,
            HasChoices = choices.Count > 0,
            Begun = choices.Begun,
            Ended = choices.Ended,
            HasForeignFinish = choices.HaveForeignFinish,
            IsNormal = choices.AreNormal,

            // Some upstreams, such as OpenRouter, add an error to a chunk whose choice ended because of it, or to the choice.
            IsError = (isError && choices.Count == 0) || choices.HaveAborted || (choices.HaveFailed && (isError || choices.HaveFailure)),
            Text = choices.Text,
        };
    }

    // Removes the comma before the property as well, or for the first property the comma after it.
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

    private static ChoicesView ReadChoices(ref Utf8JsonReader reader, PooledBytes? output)
    {
        var choices = new ChoicesView { AreNormal = true };
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            return choices;
        }

        var depth = reader.CurrentDepth;
        var texts = 0;
        var choice = UInt128.One;
        var hasFinish = false;
        while (reader.Read() && !(reader.TokenType == JsonTokenType.EndArray && reader.CurrentDepth == depth))
        {
            if (reader.TokenType == JsonTokenType.StartObject && reader.CurrentDepth == depth + 1)
            {
                choices.Count++;
                (choice, hasFinish) = (UInt128.One, false);
            }
            else if (reader.TokenType == JsonTokenType.EndObject && reader.CurrentDepth == depth + 1)
            {
                choices.Begun |= choice;
                choices.Ended |= hasFinish ? choice : default;
            }

            if (reader.TokenType != JsonTokenType.PropertyName)
            {
                continue;
            }

            if (reader.ValueTextEquals("finish_reason"u8))
            {
                reader.Read();

                // Some upstreams send an empty finish reason in every chunk: it counts as none.
                hasFinish |= reader.TokenType == JsonTokenType.String && reader.ValueSpan.Length > 0;
                choices.HaveFailed |= reader.TokenType == JsonTokenType.String && reader.ValueTextEquals("error"u8);
                choices.HaveAborted |= FinishReasons.IsAbort(ref reader);
                choices.HaveForeignFinish |= !FinishReasons.IsOpenAi(ref reader);
                choices.AreNormal &= reader.TokenType == JsonTokenType.Null || FinishReasons.IsNative(ref reader);
            }
            else if (reader.CurrentDepth == depth + 2 && reader.ValueTextEquals("error"u8))
            {
                reader.Read();
                choices.HaveFailure |= reader.TokenType != JsonTokenType.Null;
                reader.Skip();
            }
            else if (reader.CurrentDepth == depth + 2 && reader.ValueTextEquals("usage"u8))
            {
                reader.Read();
                choices.Usage = TokenUsage.ReadOfChat(ref reader) ?? choices.Usage;
                reader.Skip();
            }
            else if (reader.CurrentDepth == depth + 2 && reader.ValueTextEquals("index"u8))
            {
                reader.Read();
                choices.HaveHigherIndex |= reader.TokenType == JsonTokenType.Number && !reader.ValueSpan.SequenceEqual("0"u8);
                choice = reader.TokenType == JsonTokenType.Number && reader.TryGetByte(out var index) && index < 128 ? UInt128.One << index : choice;
                reader.Skip();
            }
            else if (reader.ValueTextEquals("logprobs"u8))
            {
                // Skipped because it has a list of its own named "content".
                reader.Read();
                reader.Skip();
            }
            else if (output is not null && IsOutput(ref reader))
            {
                var isForeign = reader.ValueTextEquals("reasoning_content"u8);
                reader.Read();
                choices.AreNormal &= reader.TokenType == JsonTokenType.Null || (reader.TokenType == JsonTokenType.String && !isForeign);
                if (reader.TokenType == JsonTokenType.String)
                {
                    var text = new JsonSpan((int)reader.TokenStartIndex, (int)(reader.BytesConsumed - reader.TokenStartIndex));
                    choices.Text = ++texts == 1 ? text : default;
                    JsonText.Append(ref reader, output);
                }
            }
        }

        return choices;
    }

    private static bool IsOutput(ref Utf8JsonReader reader) =>
        reader.ValueTextEquals("content"u8) || reader.ValueTextEquals("arguments"u8)
        || reader.ValueTextEquals("reasoning_content"u8) || reader.ValueTextEquals("reasoning"u8) || reader.ValueTextEquals("refusal"u8);

    /// <summary>The choices of one chunk.</summary>
    private struct ChoicesView
    {
        public int Count { get; set; }

        public UInt128 Begun { get; set; }

        public UInt128 Ended { get; set; }

        /// <summary>Whether one ended with an error.</summary>
        public bool HaveFailed { get; set; }

        /// <summary>Whether one has the error itself.</summary>
        public bool HaveFailure { get; set; }

        public bool HaveAborted { get; set; }

        public bool HaveForeignFinish { get; set; }

        public bool AreNormal { get; set; }

        public bool HaveHigherIndex { get; set; }

        public readonly bool HaveOthers => HaveHigherIndex || Count > 1;

        public TokenUsage? Usage { get; set; }

        /// <summary>The only text; empty if there are none or several.</summary>
        public JsonSpan Text { get; set; }
    }
}
