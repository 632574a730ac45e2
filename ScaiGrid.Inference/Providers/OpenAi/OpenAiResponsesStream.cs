using System.Text;
using System.Text.Json;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.OpenAi;

/// <summary>Translates the events of a streamed response.</summary>
internal sealed class OpenAiResponsesStream(UpstreamAddress address, string backendId, long created) : ChunkTranslator(created)
{
    // Collected, because they are sent in one piece at the end of the answer.
    private readonly OpenAiResponsesItems _items = new();
    private readonly Dictionary<long, Call> _calls = [];

    private TokenUsage? _usage;
    private bool _hasRole;
    private bool _hasThought;
    private bool _breaksThought;

    public override TokenUsage? UsageSoFar => _usage;

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
            case "response.created" when root.TryGetObject("response"u8, out var response):
                // No chunk yet: an upstream that fails immediately reports it right after this event, and then another target can still take the call.
                SetHead(response.RawText("id"u8), response.RawText("model"u8));
                return null;
            case "response.failed" when root.TryGetObject("response"u8, out var response):
                // Hidden reasoning is billed as well.
                _usage = OpenAiResponsesOutcome.Usage(response, out _);
                return OpenAiResponsesOutcome.Failure(response, address) ?? new UpstreamError(UpstreamFailure.ErrorEvent, "The upstream's answer failed.");
            case "error":
                return UpstreamErrors.FromEvent(data, address);
            case { } type:
                ReadPart(type, root);
                return null;
            default:
                throw new JsonException("An event must have a type.");
        }
    }

    protected override void Dispose(bool disposing)
    {
        _items.Dispose();
        base.Dispose(disposing);
    }

    private void ReadPart(string type, JsonElement root)
    {
        switch (type)
        {
            case "response.output_text.delta":
                AddText("content"u8, Delta(root));
                break;
            case "response.refusal.delta":
                AddText("refusal"u8, Delta(root));
                break;
            case "response.reasoning_summary_part.added":
                _breaksThought = _hasThought;
                break;
            case "response.reasoning_summary_text.delta" or "response.reasoning_text.delta":
                AddThought(Delta(root));
                break;
            case "response.output_item.added":
                _breaksThought = _hasThought;
                if (TryGetCall(root, out var added))
                {
                    StartCall(root, added);
                }

                break;
            case "response.function_call_arguments.delta":
                AddArguments(CallOf(root), Delta(root));
                break;
            case "response.output_item.done" when root.TryGetObject("item"u8, out var item):
                _items.Add(item);
                EndCall(root);
                break;
            case "response.completed" or "response.incomplete" when root.TryGetObject("response"u8, out var response):
                Finish(response);
                break;
        }
    }

    private void AddText(ReadOnlySpan<byte> property, ReadOnlySpan<byte> text)
    {
        if (text.Length > 0)
        {
            RequireHead();
            AddText(0, TakeRole(), property, text);
        }
    }

    private void AddThought(ReadOnlySpan<byte> text)
    {
        if (_breaksThought)
        {
            AddText("reasoning_content"u8, "\\n\\n"u8);
        }

        AddText("reasoning_content"u8, text);
        (_hasThought, _breaksThought) = (true, false);
    }

    private Call StartCall(JsonElement root, JsonElement item)
    {
        RequireHead();
        var call = new Call(_calls.Count);
        _calls[Position(root)] = call;
        AddCall(TakeRole(), call.Number, item.RawText("call_id"u8), item.RawText("name"u8));
        return call;
    }

    private void AddArguments(Call call, ReadOnlySpan<byte> fragment)
    {
        if (fragment.IsEmpty)
        {
            return;
        }

        call.HasArguments = true;
        AddArguments(TakeRole(), call.Number, fragment);
    }

    // Some servers of this format send a call, or its arguments, complete at once.
    private void EndCall(JsonElement root)
    {
        if (!TryGetCall(root, out var item))
        {
            return;
        }

        var call = _calls.GetValueOrDefault(Position(root)) ?? StartCall(root, item);
        if (!call.HasArguments)
        {
            AddArguments(call, OpenAiResponsesOutcome.Arguments(item)[1..^1]);
        }
    }

    private void Finish(JsonElement response)
    {
        RequireHead();
        StartDelta(0, TakeRole());
        if (_items.ToExtraContent(backendId) is { } extra)
        {
            Add("\"extra_content\":"u8);
            Add(extra);
        }

        EndDelta(Encoding.ASCII.GetBytes(OpenAiResponsesOutcome.Finish(response, _calls.Count > 0)));
        if (OpenAiResponsesOutcome.Usage(response, out var cacheWrites) is { } usage)
        {
            AddUsage(usage, cacheWrites);
        }

        SawEnd = true;
    }

    private Call CallOf(JsonElement root) =>
        _calls.GetValueOrDefault(Position(root)) ?? throw new JsonException("Arguments come before their call.");

    private static bool TryGetCall(JsonElement root, out JsonElement item) =>
        root.TryGetObject("item"u8, out item) && JsonText.Of(item, "type"u8) == "function_call";

    private static long Position(JsonElement root) =>
        root.TryGetProperty("output_index"u8, out var index) && index.ValueKind == JsonValueKind.Number && index.TryGetInt64(out var position) ? position : 0;

    private static ReadOnlySpan<byte> Delta(JsonElement root) => root.TryGetString("delta"u8, out var delta) ? delta.RawInner() : default;

    private bool TakeRole() => !_hasRole && (_hasRole = true);

    private void RequireHead()
    {
        if (!HasHead)
        {
            throw new JsonException("The stream does not begin with response.created.");
        }
    }

    private sealed class Call(int number)
    {
        public int Number => number;

        public bool HasArguments { get; set; }
    }
}
