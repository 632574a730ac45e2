using System.Buffers;
using System.Text;
using System.Text.Json;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Inference.Responses;

/// <summary>
/// The events of a streamed response. As chat models write them, each item starts, grows and ends before the next one, except calls: they
/// stay open alongside later items until their arguments are complete.
/// </summary>
/// <param name="output">Collects the items.</param>
/// <param name="maker">The answering model, named as in <see cref="CarriedField"/>.</param>
internal sealed class ResponseEvents(ResponseOutput output, string maker)
{
    // State that arrived after its reasoning item had ended; sent as an item of its own at the end.
    private readonly ReasoningCarrier _late = new(maker);

    private int _sequence;
    private ResponseItem? _open;

    /// <summary>Adds a chunk to the output and writes its events.</summary>
    public void Add(IBufferWriter<byte> body, ChatChoice choice)
    {
        if (choice.Reasoning is { Length: > 0 } reasoning)
        {
            var item = Open(body, ResponseItemKind.Reasoning);
            item.Carrier!.Field = choice.ReasoningField;
            Grow(body, item, reasoning);
        }

        if (choice.ReasoningDetails is { } details)
        {
            (_open?.Carrier ?? _late).Details.Add(details);
        }

        if (choice.Refusal is { Length: > 0 } refusal)
        {
            Grow(body, Open(body, ResponseItemKind.Refusal), refusal);
        }

        if (choice.Content is { Length: > 0 } content)
        {
            Grow(body, Open(body, ResponseItemKind.Message), content);
        }

        foreach (var call in choice.ToolCalls)
        {
            AddCall(body, call);
        }

        if (choice.ExtraContent is { } extra)
        {
            (_open?.Carrier ?? _late).Message = extra;
        }

        output.Finish(choice.FinishReason);
    }

    /// <summary>Ends the open items and writes any state still to be carried. As in a whole answer, an empty one gets an empty message.</summary>
    public void EndItems(IBufferWriter<byte> body)
    {
        if (output.IsSilent)
        {
            Open(body, ResponseItemKind.Message);
        }

        output.MarkCut();
        End(body, isLast: true);
        if (!_late.IsEmpty)
        {
            Announce(body, output.BeginReasoning(_late, isSilent: true));
            End(body);
        }
    }

    public void Write(IBufferWriter<byte> body, string type, Action<Utf8JsonWriter> write)
    {
        body.Write("event: "u8);
        Encoding.ASCII.GetBytes(type, body);
        body.Write("\ndata: "u8);
        using (var writer = new Utf8JsonWriter(body))
        {
            writer.WriteStartObject();
            writer.WriteString("type"u8, type);
            writer.WriteNumber("sequence_number"u8, _sequence++);
            write(writer);
            writer.WriteEndObject();
        }

        body.Write("\n\n"u8);
    }

    /// <summary>
    /// Writes an error. OpenAI documents the fields on the event itself but sends them in an <c>error</c> object; clients read one or the other, so both are
    /// written.
    /// </summary>
    public void WriteError(IBufferWriter<byte> body, Problem problem) => Write(body, "error", writer =>
    {
        ErrorWriter.WriteOpenAiError(writer, problem, problem.Error.Status);
        writer.WriteString("code"u8, ErrorWriter.OpenAiCode(problem));
        writer.WriteString("message"u8, problem.Text);
        writer.WriteNull("param"u8);
    });

    private ResponseItem Open(IBufferWriter<byte> body, ResponseItemKind kind)
    {
        if (_open?.Kind == kind)
        {
            return _open;
        }

        End(body);
        return Announce(body, kind == ResponseItemKind.Reasoning ? output.BeginReasoning(new ReasoningCarrier(maker)) : output.Begin(kind));
    }

    private void AddCall(IBufferWriter<byte> body, ChatToolCall fragment)
    {
        var call = CallOf(fragment);
        var id = call?.CallId ?? output.CallIdOf(fragment);
        if (fragment.ExtraContent is { } extra)
        {
            CarrierBeforeCall(body).AddCall(id, extra);
        }

        // A call that has ended has all of its arguments.
        if (call is not { IsDone: true })
        {
            Grow(body, call ?? OpenCall(body, fragment, id), fragment.Arguments);
        }
    }

    // The last call with the fragment's index; null if the fragment starts a new call. Some upstreams give all calls the same index: a different name
    // then starts a new call, and so do arguments under the same name once the previous ones are complete. An id alone proves nothing, because
    // some upstreams give each fragment a new id and repeat the name, even on an empty last fragment.
    private ResponseItem? CallOf(ChatToolCall fragment)
    {
        var last = output.Items.LastOrDefault(item => item.Kind == ResponseItemKind.FunctionCall && item.CallIndex == fragment.Index);
        if (last is null || fragment.Name is not { Length: > 0 } name || fragment.Id == last.CallId)
        {
            return last;
        }

        var isOther = !output.IsOf(last, name) || (!string.IsNullOrWhiteSpace(fragment.Arguments) && (last.IsDone || last.HasWholeArguments));
        return isOther ? null : last;
    }

    // A call's state precedes it: in the open reasoning item, or in an item of its own unless that would separate calls whose fragments may interleave.
    private ReasoningCarrier CarrierBeforeCall(IBufferWriter<byte> body)
    {
        if (_open is null or { Kind: ResponseItemKind.Message or ResponseItemKind.Refusal })
        {
            End(body);
            Announce(body, output.BeginReasoning(new ReasoningCarrier(maker), isSilent: true));
        }

        return _open!.Carrier ?? _late;
    }

    private ResponseItem OpenCall(IBufferWriter<byte> body, ChatToolCall call, string id)
    {
        if (_open is { Kind: not ResponseItemKind.FunctionCall })
        {
            End(body);
        }

        return Announce(body, output.BeginCall(call, id));
    }

    private ResponseItem Announce(IBufferWriter<byte> body, ResponseItem item)
    {
        _open = item;
        Write(body, "response.output_item.added", writer =>
        {
            writer.WriteNumber("output_index"u8, item.Index);
            writer.WritePropertyName("item"u8);
            item.Write(writer, isEmpty: true);
        });
        if (item.HasPart)
        {
            WritePart(body, item, "added", isEmpty: true);
        }

        return item;
    }

    private void Grow(IBufferWriter<byte> body, ResponseItem item, string delta)
    {
        if (delta.Length == 0)
        {
            return;
        }

        item.Text.Append(delta);
        Write(body, $"{Stem(item)}.delta", writer =>
        {
            WritePlace(writer, item);
            writer.WriteString("delta"u8, delta);
            WriteLogprobs(writer, item);
        });
    }

    // Several calls may be open at once because their fragments may interleave. One stays open alongside text until its arguments are complete.
    private void End(IBufferWriter<byte> body, bool isLast = false)
    {
        foreach (var item in output.Items.Where(item => !item.IsDone && (isLast || item.Kind != ResponseItemKind.FunctionCall || item.HasWholeArguments)))
        {
            if (item is { Kind: ResponseItemKind.FunctionCall, IsCut: false } && string.IsNullOrWhiteSpace(item.Text.ToString()))
            {
                // A call without arguments gets an empty object, as in a whole answer.
                Grow(body, item, "{}");
            }

            item.IsDone = true;
            if (!item.IsSilent)
            {
                EndText(body, item);
            }

            Write(body, "response.output_item.done", writer =>
            {
                writer.WriteNumber("output_index"u8, item.Index);
                writer.WritePropertyName("item"u8);
                item.Write(writer);
            });
        }

        _open = null;
    }

    private void EndText(IBufferWriter<byte> body, ResponseItem item)
    {
        Write(body, $"{Stem(item)}.done", writer =>
        {
            WritePlace(writer, item);
            if (item.Kind == ResponseItemKind.FunctionCall)
            {
                writer.WriteString("name"u8, item.Name);
            }

            writer.WriteString(item.TextName, item.Text.ToString());
            WriteLogprobs(writer, item);
        });
        if (item.HasPart)
        {
            WritePart(body, item, "done", isEmpty: false);
        }
    }

    private void WritePart(IBufferWriter<byte> body, ResponseItem item, string what, bool isEmpty)
    {
        var stem = item.Kind == ResponseItemKind.Reasoning ? "response.reasoning_summary_part" : "response.content_part";
        Write(body, $"{stem}.{what}", writer =>
        {
            WritePlace(writer, item);
            writer.WritePropertyName("part"u8);
            item.WritePart(writer, isEmpty, always: true);
        });
    }

    private static string Stem(ResponseItem item) => item.Kind switch
    {
        ResponseItemKind.Reasoning => "response.reasoning_summary_text",
        ResponseItemKind.Message => "response.output_text",
        ResponseItemKind.Refusal => "response.refusal",
        _ => "response.function_call_arguments",
    };

    private static void WritePlace(Utf8JsonWriter writer, ResponseItem item)
    {
        writer.WriteString("item_id"u8, item.Id);
        writer.WriteNumber("output_index"u8, item.Index);
        if (item.Kind != ResponseItemKind.FunctionCall)
        {
            writer.WriteNumber(item.Kind == ResponseItemKind.Reasoning ? "summary_index"u8 : "content_index"u8, 0);
        }
    }

    private static void WriteLogprobs(Utf8JsonWriter writer, ResponseItem item)
    {
        if (item.Kind == ResponseItemKind.Message)
        {
            writer.WriteStartArray("logprobs"u8);
            writer.WriteEndArray();
        }
    }
}
