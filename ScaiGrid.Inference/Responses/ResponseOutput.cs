using System.Text;
using System.Text.Json;
using ScaiGrid.Core;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Inference.Responses;

/// <summary>The output items of a response, collected from a whole answer or a stream.</summary>
internal sealed class ResponseOutput(TimeProvider time, ToolNamespaces namespaces)
{
    private readonly List<ResponseItem> _items = [];

    public IReadOnlyList<ResponseItem> Items => _items;

    /// <summary>The reason why the answer is incomplete; null if it is complete.</summary>
    public string? IncompleteReason { get; private set; }

    /// <summary>The failure that the upstream reported at the end of its answer; null if there was none.</summary>
    public Problem? Failure { get; private set; }

    public string Status => Failure is not null ? "failed" : IncompleteReason is not null ? "incomplete" : "completed";

    /// <summary>True if there is no text, reasoning or call yet.</summary>
    public bool IsSilent => _items.All(item => item.IsSilent);

    /// <summary>Creates the items of a whole answer.</summary>
    /// <param name="choice">The answer.</param>
    /// <param name="maker">The answering model, named as in <see cref="CarriedField"/>.</param>
    /// <param name="time">The clock for ids.</param>
    /// <param name="namespaces">The namespaces of the functions.</param>
    public static ResponseOutput Of(ChatChoice choice, string maker, TimeProvider time, ToolNamespaces namespaces)
    {
        var output = new ResponseOutput(time, namespaces);
        output.Finish(choice.FinishReason);
        var carrier = new ReasoningCarrier(maker) { Message = choice.ExtraContent };
        if (choice.ReasoningDetails is { } details)
        {
            carrier.Details.Add(details);
        }

        if (choice.Reasoning is { Length: > 0 } reasoning)
        {
            carrier.Field = choice.ReasoningField;
            output.BeginReasoning(carrier).Text.Append(reasoning);
        }
        else if (!carrier.IsEmpty || choice.ToolCalls.Any(call => call.ExtraContent is not null))
        {
            output.BeginReasoning(carrier, isSilent: true);
        }

        if (choice.Refusal is { Length: > 0 } refusal)
        {
            output.Begin(ResponseItemKind.Refusal).Text.Append(refusal);
        }

        if (choice.Content is { Length: > 0 } || (choice.ToolCalls.Count == 0 && output.IsSilent))
        {
            output.Begin(ResponseItemKind.Message).Text.Append(choice.Content);
        }

        foreach (var call in choice.ToolCalls)
        {
            var item = output.BeginCall(call, output.CallIdOf(call));
            item.Text.Append(output.Status == "completed" ? call.Arguments : call.Written);
            if (call.ExtraContent is { } extra)
            {
                carrier.AddCall(item.CallId, extra);
            }
        }

        output.MarkCut();
        return output;
    }

    public ResponseItem Begin(ResponseItemKind kind)
    {
        var item = new ResponseItem(kind, Ids.New(ResponseItem.Prefix(kind), time), _items.Count);
        _items.Add(item);
        return item;
    }

    /// <param name="carrier">The state that the model needs back.</param>
    /// <param name="isSilent">True if the item has no text, only state.</param>
    public ResponseItem BeginReasoning(ReasoningCarrier carrier, bool isSilent = false)
    {
        var item = Begin(ResponseItemKind.Reasoning);
        (item.Carrier, item.IsSilent) = (carrier, isSilent);
        return item;
    }

    /// <summary>The call's id for the caller: the upstream's, or a generated one if the upstream's is missing or empty.</summary>
    public string CallIdOf(ChatToolCall call) => call.Id is { Length: > 0 } id ? id : Ids.New("call", time);

    public ResponseItem BeginCall(ChatToolCall call, string id)
    {
        var item = Begin(ResponseItemKind.FunctionCall);
        (item.CallIndex, item.CallId) = (call.Index, id);
        (item.Namespace, item.Name) = namespaces.Split(call.Name ?? "");
        return item;
    }

    /// <summary>True if the item calls the function with this chat name.</summary>
    public bool IsOf(ResponseItem call, string name) => namespaces.Split(name) == (call.Namespace, call.Name);

    public void Finish(string? reason)
    {
        IncompleteReason = reason switch
        {
            "length" => "max_output_tokens",
            "content_filter" => "content_filter",
            _ => IncompleteReason,
        };
        Failure ??= reason == "error" ? new Problem(InferenceErrors.BackendError, "The upstream ended its answer with an error.") : null;
    }

    /// <summary>Marks the items that were cut off: the last text, and calls without complete arguments.</summary>
    public void MarkCut()
    {
        if (Status == "completed")
        {
            return;
        }

        foreach (var item in _items.Where(item => !item.IsDone))
        {
            item.IsCut = item.Kind == ResponseItemKind.FunctionCall ? !item.HasWholeArguments : item == _items[^1];
        }
    }
}

internal enum ResponseItemKind
{
    Reasoning,
    Message,

    /// <summary>A message in which the model refuses to answer.</summary>
    Refusal,
    FunctionCall,
}

/// <summary>An output item: reasoning, a message, a refusal or a function call.</summary>
/// <param name="kind">The kind of item.</param>
/// <param name="id">The id: <c>rs_…</c>, <c>msg_…</c> or <c>fc_…</c>.</param>
/// <param name="index">The position among the items.</param>
internal sealed class ResponseItem(ResponseItemKind kind, string id, int index)
{
    public ResponseItemKind Kind => kind;

    public string Id => id;

    public int Index => index;

    /// <summary>The text, or the call's arguments.</summary>
    public StringBuilder Text { get; } = new();

    /// <summary>The position among the message's calls.</summary>
    public int CallIndex { get; set; }

    public string CallId { get; set; } = "";

    /// <summary>True if the call's arguments are a complete JSON object.</summary>
    public bool HasWholeArguments => Text.Length > 0 && "} \t\r\n".Contains(Text[^1], StringComparison.Ordinal) && IsObject(Text.ToString());

    public string Name { get; set; } = "";

    /// <summary>The namespace of the function; null if it has none.</summary>
    public string? Namespace { get; set; }

    /// <summary>The state that the model needs back with the next turn; reasoning items only.</summary>
    public ReasoningCarrier? Carrier { get; set; }

    /// <summary>True for reasoning without text, which exists only for the state that it carries.</summary>
    public bool IsSilent { get; set; }

    /// <summary>True if the text is a content part of the item.</summary>
    public bool HasPart => kind != ResponseItemKind.FunctionCall && !IsSilent;

    public bool IsDone { get; set; }

    /// <summary>True if the model was stopped within this item.</summary>
    public bool IsCut { get; set; }

    public static string Prefix(ResponseItemKind kind) => kind switch
    {
        ResponseItemKind.Reasoning => "rs",
        ResponseItemKind.FunctionCall => "fc",
        _ => "msg",
    };

    /// <summary>The name of the property that holds <see cref="Text"/>.</summary>
    public string TextName => kind switch
    {
        ResponseItemKind.FunctionCall => "arguments",
        ResponseItemKind.Refusal => "refusal",
        _ => "text",
    };

    /// <summary>Whole, or as far as it has come.</summary>
    public void Write(Utf8JsonWriter writer, bool isEmpty = false)
    {
        writer.WriteStartObject();
        writer.WriteString("id"u8, id);
        switch (kind)
        {
            case ResponseItemKind.Reasoning:
                writer.WriteString("type"u8, "reasoning"u8);
                writer.WriteStartArray("summary"u8);
                WritePart(writer, isEmpty || IsSilent);
                writer.WriteEndArray();
                if (!isEmpty && Carrier is not null)
                {
                    writer.WriteString("encrypted_content"u8, Carrier.Write());
                }

                break;
            case ResponseItemKind.Message or ResponseItemKind.Refusal:
                writer.WriteString("type"u8, "message"u8);
                WriteStatus(writer, isEmpty);
                writer.WriteString("role"u8, "assistant"u8);
                writer.WriteStartArray("content"u8);
                WritePart(writer, isEmpty);
                writer.WriteEndArray();
                break;
            default:
                writer.WriteString("type"u8, "function_call"u8);
                WriteStatus(writer, isEmpty);
                writer.WriteString("call_id"u8, CallId);
                writer.WriteString("name"u8, Name);
                if (Namespace is not null)
                {
                    writer.WriteString("namespace"u8, Namespace);
                }

                writer.WriteString("arguments"u8, isEmpty ? "" : Text.ToString());
                break;
        }

        writer.WriteEndObject();
    }

    /// <summary>The text as a part; nothing when the item is to show none yet.</summary>
    public void WritePart(Utf8JsonWriter writer, bool isEmpty, bool always = false)
    {
        if (isEmpty && !always)
        {
            return;
        }

        writer.WriteStartObject();
        writer.WriteString("type"u8, kind switch
        {
            ResponseItemKind.Reasoning => "summary_text"u8,
            ResponseItemKind.Refusal => "refusal"u8,
            _ => "output_text"u8,
        });
        writer.WriteString(TextName, isEmpty ? "" : Text.ToString());
        if (kind == ResponseItemKind.Message)
        {
            writer.WriteStartArray("annotations"u8);
            writer.WriteEndArray();
        }

        writer.WriteEndObject();
    }

    private void WriteStatus(Utf8JsonWriter writer, bool isEmpty) =>
        writer.WriteString("status"u8, isEmpty ? "in_progress"u8 : IsCut ? "incomplete"u8 : "completed"u8);

    private static bool IsObject(string text)
    {
        try
        {
            using var document = JsonText.Parse(text);
            return document.RootElement.ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
