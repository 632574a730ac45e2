using System.Text.Json;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Responses;

/// <summary>Writes the items of a Responses request as chat messages.</summary>
internal sealed class InputItems
{
    private readonly Utf8JsonWriter _writer;
    private readonly Mistakes _mistakes;
    private readonly InputContent _content;
    private readonly AssistantTurn _turn;

    /// <param name="writer">The writer of the chat request.</param>
    /// <param name="carried">Collects the fields that go back to the model that produced them.</param>
    /// <param name="mistakes">Collects what cannot be translated.</param>
    public InputItems(Utf8JsonWriter writer, List<CarriedField> carried, Mistakes mistakes)
    {
        (_writer, _mistakes, _content) = (writer, mistakes, new InputContent(writer, mistakes));
        _turn = new AssistantTurn(writer, _content, carried);
    }

    public void Write(JsonElement input)
    {
        if (input.ValueKind == JsonValueKind.String)
        {
            BeginMessage("user");
            _writer.WriteRaw("content"u8, input);
            _writer.WriteEndObject();
            return;
        }

        foreach (var (i, item) in input.EnumerateArray().Index())
        {
            if (_mistakes.IsFull)
            {
                break;
            }

            Add(item, $"input[{i}]");
        }

        _turn.Write();
    }

    private void Add(JsonElement item, string field)
    {
        var type = item.ValueKind == JsonValueKind.Object ? JsonText.Of(item, "type"u8) ?? "message" : null;
        switch (type)
        {
            case "function_call":
                if (JsonText.Of(item, "call_id"u8) is not { Length: > 0 })
                {
                    _mistakes.Add(new ErrorDetail($"{field}.call_id", "is required."));
                }

                _turn.AddCall(item);
                break;
            case "reasoning":
                _turn.AddReasoning(item);
                break;
            case "message" when JsonText.Of(item, "role"u8) == "assistant":
                if (!_turn.TakesText)
                {
                    _turn.Write();
                }

                _turn.AddText(field, item);
                break;
            default:
                _turn.Write();
                WriteItem(item, type, field);
                break;
        }
    }

    private void WriteItem(JsonElement item, string? type, string field)
    {
        switch (type)
        {
            case "message":
                // Only OpenAI's own models know the developer role; for all others it becomes system.
                var role = JsonText.Of(item, "role"u8);
                BeginMessage(role == "user" ? "user" : "system");
                if (role is not ("user" or "system" or "developer"))
                {
                    _mistakes.Add(new ErrorDetail($"{field}.role", "must be one of user, assistant, system, developer."));
                }

                _content.Write(item, "content", field);
                _writer.WriteEndObject();
                break;
            case "function_call_output":
                WriteOutput(item, field);
                break;
            case "item_reference":
                // References to reasoning could be skipped without loss, but they come with references to messages and calls, which could not.
                _mistakes.Add(new ErrorDetail(
                    $"{field}.type",
                    "must not be item_reference: nothing is stored here. Have the client library set store to false, with which it sends the items themselves (Vercel's AI SDK: providerOptions: { openai: { store: false } })."));
                break;
            case null:
                _mistakes.Add(new ErrorDetail(field, "must be an object."));
                break;
            default:
                _mistakes.Add(new ErrorDetail($"{field}.type", "must be one of message, function_call, function_call_output, reasoning."));
                break;
        }
    }

    /// <summary>
    /// Writes a tool's output: as the result of a call, or, if it answers no call, inside a user message, the only place that chat has for it.
    /// </summary>
    private void WriteOutput(JsonElement item, string field)
    {
        if (JsonText.Of(item, "call_id"u8) is { Length: > 0 })
        {
            BeginMessage("tool");
            item.CopyTo(_writer, "call_id"u8, "tool_call_id"u8);
            _content.Write(item, "output", field);
            _writer.WriteEndObject();
        }
        else if (JsonText.Of(item, "name"u8) is { Length: > 0 } name)
        {
            BeginMessage("user");
            _writer.WriteString("content"u8, $"Output of {ToolNamespaces.Join(JsonText.Of(item, "namespace"u8), name)}, which was not called:");
            _writer.WriteEndObject();
            BeginMessage("user");
            _content.Write(item, "output", field);
            _writer.WriteEndObject();
        }
        else
        {
            _mistakes.Add(new ErrorDetail($"{field}.call_id", "is required, except for the output of a named tool that was not called."));
        }
    }

    private void BeginMessage(string role)
    {
        _writer.WriteStartObject();
        _writer.WriteString("role"u8, role);
    }
}
