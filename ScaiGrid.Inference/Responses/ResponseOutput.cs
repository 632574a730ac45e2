using ScaiGrid.Core;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
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
