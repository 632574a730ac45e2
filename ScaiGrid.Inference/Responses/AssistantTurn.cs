using System.Buffers;
using System.Text;
using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Responses;

/// <summary>
/// What the assistant said, called and thought between two other items, which is one message of a chat: one answer was all of it, and some
/// upstreams take no call behind another message of the assistant, nor one between a call and its result.
/// </summary>
/// <param name="writer">Of the chat request.</param>
/// <param name="content">Writes what was said.</param>
/// <param name="carried">Told what is put back for the model that gave it.</param>
internal sealed class AssistantTurn(Utf8JsonWriter writer, InputContent content, List<CarriedField> carried)
{
    private readonly List<(string Place, JsonElement Item)> _texts = [];
    private readonly List<JsonElement> _calls = [];
    private readonly ArrayBufferWriter<byte> _reasoning = new();
    private ReasoningCarrier? _carrier;
    private bool _thoughtLast;

    /// <summary>Whether a text belongs to the same answer: the first, and one behind a call or a thought.</summary>
    public bool TakesText => _texts.Count == 0 || _calls.Count > 0 || _thoughtLast;

    /// <param name="place">Of the item in the request.</param>
    /// <param name="item">A message.</param>
    public void AddText(string place, JsonElement item)
    {
        _texts.Add((place, item));
        _thoughtLast = false;
    }

    public void AddCall(JsonElement item) => _calls.Add(item);

    /// <summary>Takes what a reasoning item carries. Without anything of ours it has no place among chat messages.</summary>
    public void AddReasoning(JsonElement item)
    {
        if (JsonText.Of(item, "encrypted_content"u8) is not { } text || ReasoningCarrier.Read(text) is not { } carrier)
        {
            return;
        }

        _thoughtLast = true;
        if (_carrier?.Maker == carrier.Maker)
        {
            _carrier.Add(carrier);
        }
        else
        {
            _carrier = carrier;
            _reasoning.Clear();
        }

        if (carrier.Field is not null)
        {
            foreach (var part in RequestDocument.Items(item, "summary"u8))
            {
                _reasoning.Write(RequestDocument.RawText(part, "text"u8)[1..^1]);
            }
        }
    }

    /// <summary>Writes the message, if there is anything in it, and begins anew.</summary>
    public void Write()
    {
        if (_texts.Count > 0 || _calls.Count > 0)
        {
            writer.WriteStartObject();
            writer.WriteString("role"u8, "assistant"u8);
            WriteTexts();
            WriteCalls();
            if (_carrier is { Field: { } field } && _reasoning.WrittenCount > 0)
            {
                Carry(field, [(byte)'"', .. _reasoning.WrittenSpan, (byte)'"'], namesProvider: false);
            }

            if (_carrier is { Details: { IsEmpty: false } details })
            {
                Carry("reasoning_details", Encoding.UTF8.GetBytes(details.ToString()), namesProvider: false);
            }

            CarryExtra(_carrier?.Message);
            writer.WriteEndObject();
        }

        _texts.Clear();
        _calls.Clear();
        _reasoning.Clear();
        (_carrier, _thoughtLast) = (null, false);
    }

    private void WriteTexts()
    {
        switch (_texts)
        {
            case []:
                writer.WriteNull("content"u8);
                break;
            case [var (place, item)]:
                content.Write(item, "content", place);
                break;
            default:
                writer.WriteStartArray("content"u8);
                foreach (var (place, item) in _texts)
                {
                    content.WriteParts(item, "content", place);
                }

                writer.WriteEndArray();
                break;
        }
    }

    private void WriteCalls()
    {
        if (_calls.Count == 0)
        {
            return;
        }

        writer.WriteStartArray("tool_calls"u8);
        foreach (var call in _calls)
        {
            writer.WriteStartObject();
            call.CopyTo(writer, "call_id"u8, "id"u8);
            writer.WriteString("type"u8, "function"u8);
            writer.WriteStartObject("function"u8);
            writer.WriteString("name"u8, ToolNamespaces.Join(JsonText.Of(call, "namespace"u8), JsonText.Of(call, "name"u8) ?? ""));
            call.CopyTo(writer, "arguments"u8);
            writer.WriteEndObject();
            CarryExtra(JsonText.Of(call, "call_id"u8) is { } id ? _carrier?.TakeCall(id) : null);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private void CarryExtra(string? json)
    {
        if (json is not null)
        {
            Carry("extra_content", Encoding.UTF8.GetBytes(json), namesProvider: true);
        }
    }

    // Behind other properties always, so that a comma stands before it.
    private void Carry(string name, ReadOnlySpan<byte> json, bool namesProvider)
    {
        var start = Position();
        writer.WritePropertyName(name);
        writer.WriteRawValue(json, skipInputValidation: true);
        carried.Add(new CarriedField(new JsonSpan(start, Position() - start), _carrier!.Maker, namesProvider));
    }

    private int Position() => (int)(writer.BytesCommitted + writer.BytesPending);
}
