using System.Text.Json;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Translation;

/// <summary>Builds a <c>chat.completion</c>. Texts are copied as escaped in the upstream's answer, without unescaping them.</summary>
internal sealed class CompletionWriter : IDisposable
{
    private readonly PooledBytes _output = new(16 * 1024);
    private readonly PooledBytes _content = new();
    private readonly PooledBytes _refusal = new(256);
    private readonly PooledBytes _reasoning = new(256);
    private readonly PooledBytes _calls = new(256);
    private readonly Utf8JsonWriter _writer;
    private readonly Utf8JsonWriter _callWriter;
    private int _callCount;
    private bool _ended;

    public CompletionWriter()
    {
        _writer = TranslationJson.Writer(_output);
        _callWriter = TranslationJson.Writer(_calls);
    }

    public bool HasToolCalls => _callCount > 0;

    public bool HasContent => _content.Length > 0;

    /// <param name="id">The id, as a JSON string.</param>
    /// <param name="model">The model's name, as a JSON string.</param>
    /// <param name="created">The creation time in Unix seconds.</param>
    public void Start(ReadOnlySpan<byte> id, ReadOnlySpan<byte> model, long created)
    {
        _writer.WriteStartObject();
        _writer.WriteRaw("id"u8, id);
        _writer.WriteString("object"u8, "chat.completion"u8);
        _writer.WriteNumber("created"u8, created);
        _writer.WriteRaw("model"u8, model);
        _writer.WriteStartArray("choices"u8);
    }

    public void AddContent(JsonElement text) => _content.Append(text.RawInner());

    public void AddRefusal(JsonElement text) => _refusal.Append(text.RawInner());

    public void AddReasoning(JsonElement text) => _reasoning.Append(text.RawInner());

    /// <summary>Starts a new paragraph in the reasoning.</summary>
    public void BreakReasoning()
    {
        if (_reasoning.Length > 0)
        {
            _reasoning.Append("\\n\\n"u8);
        }
    }

    /// <param name="id">The call's id.</param>
    /// <param name="name">The function's name, as a JSON string.</param>
    /// <param name="arguments">The arguments: a JSON object as the upstream wrote it.</param>
    /// <param name="extra">Writes <c>extra_content</c>; null if there is none.</param>
    public void AddToolCall(string id, ReadOnlySpan<byte> name, ReadOnlySpan<byte> arguments, Action<Utf8JsonWriter>? extra = null)
    {
        StartCall(id, name);
        _callWriter.WriteString("arguments"u8, arguments);
        _callWriter.WriteEndObject();
        extra?.Invoke(_callWriter);
        _callWriter.WriteEndObject();
    }

    /// <summary>Adds a call whose arguments are a string in the upstream's answer already.</summary>
    /// <param name="id">The call's id.</param>
    /// <param name="name">The function's name, as a JSON string.</param>
    /// <param name="arguments">The arguments, as a JSON string.</param>
    public void AddToolCallOfText(string id, ReadOnlySpan<byte> name, ReadOnlySpan<byte> arguments)
    {
        StartCall(id, name);
        _callWriter.WriteRaw("arguments"u8, arguments);
        _callWriter.WriteEndObject();
        _callWriter.WriteEndObject();
    }

    /// <summary>Writes a choice from what was added.</summary>
    /// <param name="index">The position among the choices.</param>
    /// <param name="finish">The finish reason.</param>
    /// <param name="extra">Writes the message's <c>extra_content</c>; null if there is none.</param>
    public void EndChoice(int index, string finish, Action<Utf8JsonWriter>? extra = null)
    {
        _writer.WriteStartObject();
        _writer.WriteNumber("index"u8, index);
        _writer.WriteStartObject("message"u8);
        _writer.WriteString("role"u8, "assistant"u8);
        WriteText("content"u8, _content, isNull: _content.Length == 0 && (_callCount > 0 || _refusal.Length > 0));
        if (_refusal.Length > 0)
        {
            WriteText("refusal"u8, _refusal, isNull: false);
        }

        if (_reasoning.Length > 0)
        {
            WriteText("reasoning_content"u8, _reasoning, isNull: false);
        }

        if (_callCount > 0)
        {
            _callWriter.WriteEndArray();
            _callWriter.Flush();
            _writer.WriteRaw("tool_calls"u8, _calls.Span);
        }

        extra?.Invoke(_writer);
        _writer.WriteEndObject();
        _writer.WriteString("finish_reason"u8, finish);
        _writer.WriteEndObject();
        _content.Clear();
        _refusal.Clear();
        _reasoning.Clear();
        _calls.Clear();
        _callWriter.Reset();
        _callCount = 0;
    }

    /// <returns>The document, owned by the caller.</returns>
    public PooledBytes End(TokenUsage? usage, long cacheWrites = 0)
    {
        _writer.WriteEndArray();
        if (usage is { } counts)
        {
            UsageWriter.WriteOpenAi(_writer, counts, cacheWrites);
        }

        _writer.WriteEndObject();
        _writer.Flush();
        _ended = true;
        return _output;
    }

    public void Dispose()
    {
        _writer.Dispose();
        _callWriter.Dispose();
        _content.Dispose();
        _refusal.Dispose();
        _reasoning.Dispose();
        _calls.Dispose();
        if (!_ended)
        {
            _output.Dispose();
        }
    }

    // Leaves the writer inside the function object, after its name.
    private void StartCall(string id, ReadOnlySpan<byte> name)
    {
        if (_callCount++ == 0)
        {
            _callWriter.WriteStartArray();
        }

        _callWriter.WriteStartObject();
        _callWriter.WriteString("id"u8, id);
        _callWriter.WriteString("type"u8, "function"u8);
        _callWriter.WriteStartObject("function"u8);
        _callWriter.WriteRaw("name"u8, name);
    }

    private void WriteText(ReadOnlySpan<byte> name, PooledBytes text, bool isNull)
    {
        if (isNull)
        {
            _writer.WriteNull(name);
            return;
        }

        using var quoted = new PooledBytes(text.Length + 2);
        quoted.Append("\""u8);
        quoted.Append(text.Span);
        quoted.Append("\""u8);
        _writer.WriteRaw(name, quoted.Span);
    }
}
