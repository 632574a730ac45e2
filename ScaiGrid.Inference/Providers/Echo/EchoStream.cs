using System.Text.Json;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Echo;

/// <summary>The answer as a stream: the role, a chunk for each word (or the tool call), the finish reason, the usage.</summary>
internal sealed class EchoStream(string model, EchoAnswer answer, long created) : ChatStream
{
    private readonly PooledBytes _chunk = new();

    private int _position;
    private Step _step = Step.Role;

    private enum Step
    {
        Role,
        Body,
        Finish,
        Usage,
        Done,
    }

    public override ValueTask<bool> ReadAsync()
    {
        if (_step == Step.Body && answer.ToolName is null && _position >= answer.Text.Length)
        {
            _step = Step.Finish;
        }

        if (_step == Step.Done)
        {
            SawEnd = true;
            return ValueTask.FromResult(false);
        }

        _chunk.Clear();
        using var writer = new Utf8JsonWriter(_chunk);
        EchoJson.Start(writer, model, created, "chat.completion.chunk"u8);
        WriteChoice(writer);
        writer.WriteEndArray();
        if (_step == Step.Usage)
        {
            UsageWriter.WriteOpenAi(writer, answer.Usage, withDetails: false);
        }

        writer.WriteEndObject();
        writer.Flush();
        Current = _chunk.Memory;
        _step = Next();
        return ValueTask.FromResult(true);
    }

    public override ValueTask DisposeAsync()
    {
        _chunk.Dispose();
        return ValueTask.CompletedTask;
    }

    private void WriteChoice(Utf8JsonWriter writer)
    {
        if (_step == Step.Usage)
        {
            return;
        }

        writer.WriteStartObject();
        writer.WriteNumber("index"u8, 0);
        writer.WriteStartObject("delta"u8);
        if (_step == Step.Role)
        {
            writer.WriteString("role"u8, "assistant"u8);
        }
        else if (_step == Step.Body && answer.ToolName is not null)
        {
            EchoJson.ToolCall(writer, answer.ToolName, answer.Text, index: 0);
        }
        else if (_step == Step.Body)
        {
            var word = NextWord();
            writer.WriteString("content"u8, answer.Text.AsSpan(_position, word));
            _position += word;
        }

        writer.WriteEndObject();
        writer.WriteString("finish_reason"u8, _step == Step.Finish ? answer.FinishReason : null);
        writer.WriteEndObject();
    }

    // A word including the space before it, so that the chunks concatenate to the text.
    private int NextWord()
    {
        var end = answer.Text.IndexOf(' ', _position + 1);
        return (end < 0 ? answer.Text.Length : end) - _position;
    }

    private Step Next() => _step switch
    {
        Step.Role => Step.Body,
        Step.Body when answer.ToolName is null && _position < answer.Text.Length => Step.Body,
        Step.Body => Step.Finish,
        Step.Finish => Step.Usage,
        _ => Step.Done,
    };
}
