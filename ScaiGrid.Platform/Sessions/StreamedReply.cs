using System.Text;
using System.Text.Json;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Platform.Calls;

namespace ScaiGrid.Platform.Sessions;

/// <summary>
/// Passes the lines of server-sent events to the caller at once, and collects the text that they contain. The end mark is held back until
/// <see cref="EndAsync"/>: it tells the caller that the turn is stored.
/// </summary>
internal sealed class StreamedReply(Stream caller) : WriteOnlyStream
{
    private readonly StringBuilder _text = new();
    private readonly MemoryStream _held = new();
    private bool _failed;
    private bool _ended;

    public string Text => _text.ToString();

    public bool IsComplete => _ended && !_failed;

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var searched = (int)_held.Length;
        _held.Write(buffer.Span);
        var held = _held.GetBuffer().AsMemory(0, (int)_held.Length);
        var passed = 0;
        while (!_ended && held.Span[searched..].IndexOf((byte)'\n') is >= 0 and var end)
        {
            var next = searched + end + 1;
            Take(held[passed..(next - 1)]);
            (passed, searched) = (_ended ? passed : next, next);
        }

        if (passed > 0)
        {
            await caller.WriteAsync(held[..passed], cancellationToken);
            held[passed..].CopyTo(held);
            _held.SetLength(held.Length - passed);
        }
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => caller.FlushAsync(cancellationToken);

    /// <summary>Writes what was held back.</summary>
    public async Task EndAsync(CancellationToken cancellationToken) =>
        await caller.WriteAsync(_held.GetBuffer().AsMemory(0, (int)_held.Length), cancellationToken);

    private void Take(ReadOnlyMemory<byte> line)
    {
        if (line.Span.StartsWith("event: error"u8))
        {
            _failed = true;
        }
        else if (line.Span.SequenceEqual("data: [DONE]"u8))
        {
            _ended = true;
        }
        else if (line.Span.StartsWith("data: {"u8) && !_failed)
        {
            using var chunk = JsonDocument.Parse(line["data: ".Length..]);
            if (chunk.RootElement.TryGetProperty("choices"u8, out var choices) && choices.ValueKind == JsonValueKind.Array && choices.GetArrayLength() > 0
                && choices[0].TryGetProperty("delta"u8, out var delta) && delta.ValueKind == JsonValueKind.Object)
            {
                Append(delta, "content"u8);
                Append(delta, "refusal"u8);
            }
        }
    }

    private void Append(JsonElement delta, ReadOnlySpan<byte> name)
    {
        if (delta.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String)
        {
            _text.Append(JsonText.Of(text));
        }
    }
}
