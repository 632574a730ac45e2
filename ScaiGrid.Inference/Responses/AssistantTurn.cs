using System.Buffers;
using System.Text;
using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Responses;

/// <summary>
/// Merges the assistant's text, calls and reasoning between two other items into one chat message. They came from one answer, and some
/// upstreams reject two assistant messages in a row, or a message between a call and its result.
/// </summary>
/// <param name="writer">The writer of the chat request.</param>
/// <param name="content">Writes the text.</param>
/// <param name="carried">Collects the fields that go back to the model that produced them.</param>
internal sealed class AssistantTurn(Utf8JsonWriter writer, InputContent content, List<CarriedField> carried)
{
    private readonly List<(string Place, JsonElement Item)> _texts = [];
    private readonly List<JsonElement> _calls = [];
    private readonly ArrayBufferWriter<byte> _reasoning = new();
    private ReasoningCarrier? _carrier;
    private bool _thoughtLast;

    /// <summary>True if a text belongs to the same answer: the first text, or one after a call or reasoning.</summary>
    public bool TakesText => _texts.Count == 0 || _calls.Count > 0 || _thoughtLast;

    /// <param name="place">The item's path in the request.</param>
    /// <param name="item">A message.</param>
    public void AddText(string place, JsonElement item)
    {
        _texts.Add((place, item));
        _thoughtLast = false;
    }

    public void AddCall(JsonElement item) => _calls.Add(item);

    /// <summary>Reads what a reasoning item carries. An item without our data has no counterpart in chat messages and is dropped.</summary>
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
            foreach (var part in item.Items("summary"u8))
            {
                _reasoning.Write(part.RawText("text"u8)[1..^1]);
            }
        }
    }

    /// <summary>Writes the message, if it has any content, and resets.</summary>
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

    // Always written after other properties, so that it starts with a comma.
    private void Carry(string name, ReadOnlySpan<byte> json, bool namesProvider)
    {
        var start = Position();
        writer.WritePropertyName(name);
        writer.WriteRawValue(json, skipInputValidation: true);
        carried.Add(new CarriedField(new JsonSpan(start, Position() - start), _carrier!.Maker, namesProvider));
    }

    private int Position() => (int)(writer.BytesCommitted + writer.BytesPending);
}
