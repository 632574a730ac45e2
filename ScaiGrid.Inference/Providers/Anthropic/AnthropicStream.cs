using System.Text;
using System.Text.Json;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>Translates the events of a streamed message.</summary>
internal sealed class AnthropicStream(UpstreamAddress address, long created) : ChunkTranslator(created)
{
    // Collected, because they are sent signed and in one piece at the end of the answer.
    private readonly AnthropicThoughts _thoughts = new();
    private readonly PooledBytes _thought = new(256);

    private AnthropicUsage _usage;
    private bool _hasRole;
    private int _calls;
    private Block _block;
    private bool _hasArguments;
    private string _signature = "";

    private enum Block
    {
        Other,
        Tool,
        Thinking,
    }

    public override TokenUsage? UsageSoFar => _usage.Exists ? _usage.Tokens : null;

    public override UpstreamError? Read(ReadOnlyMemory<byte> data)
    {
        using var document = JsonDocument.Parse(data);
        var root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new JsonException("An event must be an object.");
        }

        switch (JsonText.Of(root, "type"u8))
        {
            case "message_start" when root.TryGetObject("message"u8, out var message):
                // No chunk yet: an overloaded upstream reports it right after this event, and then another target can still take the call.
                SetHead(message.RawText("id"u8), message.RawText("model"u8));
                _usage.Add(message);
                break;
            case "content_block_start" when root.TryGetObject("content_block"u8, out var block):
                RequireHead();
                StartBlock(block);
                break;
            case "content_block_delta" when root.TryGetObject("delta"u8, out var delta):
                RequireHead();
                ReadDelta(delta);
                break;
            case "content_block_stop":
                EndBlock();
                break;
            case "message_delta" when root.TryGetObject("delta"u8, out var delta):
                RequireHead();
                _usage.Add(root);
                Finish(AnthropicFinish.Of(delta));
                break;
            case "message_stop":
                SawEnd = true;
                break;
            case "error":
                return UpstreamErrors.FromEvent(data, address);
        }

        return null;
    }

    protected override void Dispose(bool disposing)
    {
        _thoughts.Dispose();
        _thought.Dispose();
        base.Dispose(disposing);
    }

    private void StartBlock(JsonElement block)
    {
        (_block, _hasArguments, _signature) = (Block.Other, false, "");
        switch (JsonText.Of(block, "type"u8))
        {
            case "tool_use":
                _block = Block.Tool;
                _thoughts.AddCall();
                AddCall(TakeRole(), _calls++, block.RawText("id"u8), block.RawText("name"u8));

                // Some servers of this format send the input complete at once.
                AddArguments(block.TryGetObject("input"u8, out var input) && input.EnumerateObject().MoveNext() ? Escaped(input) : default);
                break;
            case "thinking":
                _block = Block.Thinking;
                _thought.Clear();
                ReadThought(block);
                _signature = JsonText.Of(block, "signature"u8) ?? "";
                break;
            case "redacted_thinking":
                _thoughts.Add(Encoding.UTF8.GetBytes(block.GetRawText()));
                break;
            case "text":
                ReadText(block);
                break;
        }
    }

    private void ReadDelta(JsonElement delta)
    {
        switch (JsonText.Of(delta, "type"u8))
        {
            case "text_delta":
                ReadText(delta);
                break;
            case "input_json_delta" when delta.TryGetString("partial_json"u8, out var json):
                AddArguments(json.RawInner());
                break;
            case "thinking_delta":
                ReadThought(delta);
                break;
            case "signature_delta":
                _signature += JsonText.Of(delta, "signature"u8);
                break;
        }
    }

    private void ReadText(JsonElement owner)
    {
        if (owner.TryGetString("text"u8, out var text) && text.RawInner().Length > 0)
        {
            _thoughts.AddText(text.RawInner());
            AddText(0, TakeRole(), "content"u8, text.RawInner());
        }
    }

    private void ReadThought(JsonElement owner)
    {
        if (owner.TryGetString("thinking"u8, out var thought) && thought.RawInner().Length > 0)
        {
            _thought.Append(thought.RawInner());
            AddText(0, TakeRole(), "reasoning_content"u8, thought.RawInner());
        }
    }

    private void AddArguments(ReadOnlySpan<byte> fragment)
    {
        if (fragment.IsEmpty || _block != Block.Tool)
        {
            return;
        }

        _hasArguments = true;
        AddArguments(TakeRole(), _calls - 1, fragment);
    }

    private void EndBlock()
    {
        // A call without arguments has no fragments, but callers parse the arguments, so an empty object is sent.
        if (_block == Block.Tool && !_hasArguments)
        {
            AddArguments("{}"u8);
        }
        else if (_block == Block.Thinking)
        {
            _thoughts.Add([.. "{\"type\":\"thinking\",\"thinking\":\""u8, .. _thought.Span, .. "\",\"signature\":"u8, .. JsonSerializer.SerializeToUtf8Bytes(_signature, Pipeline.CanonicalJson.Default.String), .. "}"u8]);
        }

        _thoughts.EndText();
        _block = Block.Other;
    }

    private void Finish(string? reason)
    {
        if (reason is not null)
        {
            StartDelta(0, TakeRole());
            if (_thoughts.Any)
            {
                Add("\"extra_content\":"u8);
                Add(_thoughts.ToExtraContent());
            }

            EndDelta(Encoding.ASCII.GetBytes(reason));
        }

        if (_usage.Exists)
        {
            AddUsage(_usage.Tokens, _usage.CacheWrites);
        }
    }

    // The content of the JSON string that holds the value, without its quotes.
    private static ReadOnlySpan<byte> Escaped(JsonElement value) => JsonSerializer.SerializeToUtf8Bytes(value.GetRawText(), TranslationJson.Text).AsSpan()[1..^1];

    private bool TakeRole() => !_hasRole && (_hasRole = true);

    private void RequireHead()
    {
        if (!HasHead)
        {
            throw new JsonException("The stream does not begin with message_start.");
        }
    }
}
