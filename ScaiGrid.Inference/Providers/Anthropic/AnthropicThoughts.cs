using System.Buffers.Text;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>
/// The thinking blocks of an answer as sent to the caller. They are signed: the upstream accepts them back only unchanged and in place.
/// OpenAI's format has one text followed by the calls, so if a block follows either, the order of all blocks is sent as well.
/// </summary>
internal sealed class AnthropicThoughts : IDisposable
{
    /// <summary>The name of a thinking block or a call in the order; a text is represented by its length in characters.</summary>
    public const string Thought = "thinking";

    /// <inheritdoc cref="Thought"/>
    public const string Call = "tool_use";

    private readonly PooledBytes _blocks = new(256);
    private readonly PooledBytes _order = new(64);
    private int _text;
    private bool _hasOther;
    private bool _isMixed;

    public bool Any => _blocks.Length > 0;

    /// <param name="json">The block as the upstream wrote it.</param>
    public void Add(ReadOnlySpan<byte> json)
    {
        EndText();
        _blocks.Append(Any ? ","u8 : default);
        _blocks.Append(json);
        AddToOrder("\"thinking\""u8);
        _isMixed |= _hasOther;
    }

    public void AddCall()
    {
        EndText();
        AddToOrder("\"tool_use\""u8);
        _hasOther = true;
    }

    /// <param name="json">The content of a JSON string, without its quotes.</param>
    public void AddText(ReadOnlySpan<byte> json)
    {
        _text += JsonCharacters.Count(json);
        _hasOther |= _text > 0;
    }

    /// <summary>Ends a text block; another may follow.</summary>
    public void EndText()
    {
        if (_text > 0)
        {
            Span<byte> digits = stackalloc byte[11];
            Utf8Formatter.TryFormat(_text, digits, out var length);
            AddToOrder(digits[..length]);
            _text = 0;
        }
    }

    /// <returns>The <c>extra_content</c> of the answer's message.</returns>
    public byte[] ToExtraContent() => _isMixed
        ? [.. "{\"anthropic\":{\"thinking_blocks\":["u8, .. _blocks.Span, .. "],\"block_order\":["u8, .. _order.Span, .. "]}}"u8]
        : [.. "{\"anthropic\":{\"thinking_blocks\":["u8, .. _blocks.Span, .. "]}}"u8];

    public void Dispose()
    {
        _blocks.Dispose();
        _order.Dispose();
    }

    private void AddToOrder(ReadOnlySpan<byte> json)
    {
        _order.Append(_order.Length > 0 ? ","u8 : default);
        _order.Append(json);
    }
}
