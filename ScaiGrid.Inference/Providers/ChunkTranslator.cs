using System.Buffers.Text;
using System.Text.Json;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers;

/// <summary>
/// Translates the events of one stream into <c>chat.completion.chunk</c> documents. Used for one stream by one reader. Works in two pooled buffers,
/// and copies the model's text from one JSON string into the other without unescaping it.
/// </summary>
/// <param name="created">Unix seconds, for formats whose answers have no creation time.</param>
internal abstract class ChunkTranslator(long created) : IDisposable
{
    // The translated chunks, each ended by a line feed: our documents contain none unescaped.
    private readonly PooledBytes _chunks = new(4096);
    private readonly PooledBytes _head = new(256);
    private int _taken;

    /// <summary>Whether the answer ended properly.</summary>
    public bool SawEnd { get; protected set; }

    /// <inheritdoc cref="ChatStream.UsageSoFar"/>
    public virtual TokenUsage? UsageSoFar => null;

    /// <summary>Translates one event, which is valid during the call only.</summary>
    /// <returns>The upstream's error, if the event is one.</returns>
    /// <exception cref="JsonException">Not JSON, or not of the format.</exception>
    public abstract UpstreamError? Read(ReadOnlyMemory<byte> data);

    /// <summary>Called when the body ends without an end mark; returns an error if the answer is incomplete.</summary>
    public virtual UpstreamError? EndOfBody() => null;

    /// <param name="chunk">Valid until the next <see cref="Read"/>.</param>
    public bool TryTake(out ReadOnlyMemory<byte> chunk)
    {
        var rest = _chunks.Memory[_taken..];
        if (rest.IsEmpty)
        {
            chunk = default;
            _chunks.Clear();
            _taken = 0;
            return false;
        }

        chunk = rest[..rest.Span.IndexOf((byte)'\n')];
        _taken += chunk.Length + 1;
        return true;
    }

    public void Dispose()
    {
        _chunks.Dispose();
        _head.Dispose();
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }

    /// <summary>Sets the beginning of all chunks. The values are JSON.</summary>
    protected void SetHead(ReadOnlySpan<byte> id, ReadOnlySpan<byte> model)
    {
        _head.Clear();
        _head.Append("{\"id\":"u8);
        _head.Append(id);
        _head.Append(",\"object\":\"chat.completion.chunk\",\"created\":"u8);
        Append(_head, created);
        _head.Append(",\"model\":"u8);
        _head.Append(model);
        _head.Append(",\"choices\":["u8);
    }

    protected bool HasHead => _head.Length > 0;

    /// <summary>Starts a chunk of one choice, up to the inside of its delta.</summary>
    protected void StartDelta(int choice, bool withRole)
    {
        _chunks.Append(_head.Span);
        _chunks.Append("{\"index\":"u8);
        Append(_chunks, choice);
        _chunks.Append(withRole ? ",\"delta\":{\"role\":\"assistant\","u8 : ",\"delta\":{"u8);
    }

    /// <summary>Appends JSON to the delta.</summary>
    protected void Add(ReadOnlySpan<byte> json) => _chunks.Append(json);

    protected void Add(long number) => Append(_chunks, number);

    /// <summary>Removes a trailing comma.</summary>
    protected void DropComma()
    {
        if (_chunks.Span[^1] == (byte)',')
        {
            _chunks.Advance(-1);
        }
    }

    /// <summary>Ends the chunk, without a trailing comma.</summary>
    protected void EndDelta(ReadOnlySpan<byte> finish = default)
    {
        DropComma();
        _chunks.Append("},\"finish_reason\":"u8);
        if (finish.IsEmpty)
        {
            _chunks.Append("null"u8);
        }
        else
        {
            _chunks.Append("\""u8);
            _chunks.Append(finish);
            _chunks.Append("\""u8);
        }

        _chunks.Append("}]}\n"u8);
    }

    /// <summary>Adds a chunk with one string in its delta, such as the model's text.</summary>
    protected void AddText(int choice, bool withRole, ReadOnlySpan<byte> property, ReadOnlySpan<byte> text)
    {
        StartDelta(choice, withRole);
        Add("\""u8);
        Add(property);
        Add("\":\""u8);
        Add(text);
        Add("\""u8);
        EndDelta();
    }

    /// <summary>Adds the chunk that begins a function call; its arguments follow.</summary>
    /// <param name="withRole">Whether it is the first chunk of the choice.</param>
    /// <param name="number">Position among the calls.</param>
    /// <param name="id">A JSON string.</param>
    /// <param name="name">A JSON string.</param>
    protected void AddCall(bool withRole, int number, ReadOnlySpan<byte> id, ReadOnlySpan<byte> name)
    {
        StartDelta(0, withRole);
        Add("\"tool_calls\":[{\"index\":"u8);
        Add(number);
        Add(",\"id\":"u8);
        Add(id);
        Add(",\"type\":\"function\",\"function\":{\"name\":"u8);
        Add(name);
        Add(",\"arguments\":\"\"}}]"u8);
        EndDelta();
    }

    /// <summary>Adds a chunk with a fragment of a call's arguments.</summary>
    /// <param name="withRole">Whether it is the first chunk of the choice.</param>
    /// <param name="number">Position among the calls.</param>
    /// <param name="fragment">The inner part of a JSON string.</param>
    protected void AddArguments(bool withRole, int number, ReadOnlySpan<byte> fragment)
    {
        StartDelta(0, withRole);
        Add("\"tool_calls\":[{\"index\":"u8);
        Add(number);
        Add(",\"function\":{\"arguments\":\""u8);
        Add(fragment);
        Add("\"}}]"u8);
        EndDelta();
    }

    /// <summary>Adds the chunk without choices that contains the usage.</summary>
    protected void AddUsage(TokenUsage usage, long cacheWrites = 0)
    {
        _chunks.Append(_head.Span);
        _chunks.Append("],\"usage\":"u8);
        using (var writer = new Utf8JsonWriter(_chunks))
        {
            UsageWriter.WriteOpenAiValue(writer, usage, cacheWrites);
        }

        _chunks.Append("}\n"u8);
    }

    /// <summary>Adds a chunk that is already in our format.</summary>
    protected void AddDocument(ReadOnlySpan<byte> json)
    {
        JsonLine.Append(_chunks, json);
        _chunks.Append("\n"u8);
    }

    private static void Append(PooledBytes bytes, long number)
    {
        Utf8Formatter.TryFormat(number, bytes.GetSpan(20), out var written);
        bytes.Advance(written);
    }
}
