using System.Text;
using System.Text.Json;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Platform.Calls;

namespace ScaiGrid.Platform.Sessions;

/// <summary>Passes server-sent events to the caller at once, and collects the text that they contain.</summary>
internal sealed class StreamedReply(Stream caller) : WriteOnlyStream
{
    private readonly StringBuilder _text = new();
    private readonly MemoryStream _line = new();
    private bool _failed;
    private bool _ended;

    public string Text => _text.ToString();

    public bool IsComplete => _ended && !_failed;

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        Gather(buffer.Span);
        await caller.WriteAsync(buffer, cancellationToken);
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => caller.FlushAsync(cancellationToken);

    private void Gather(ReadOnlySpan<byte> bytes)
    {
        while (bytes.IndexOf((byte)'\n') is >= 0 and var end)
        {
            _line.Write(bytes[..end]);
            Take(_line.GetBuffer().AsMemory(0, (int)_line.Length));
            _line.SetLength(0);
            bytes = bytes[(end + 1)..];
        }

        _line.Write(bytes);
    }

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
