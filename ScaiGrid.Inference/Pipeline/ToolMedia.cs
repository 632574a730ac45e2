using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// Images, audio and files returned by tools. OpenAI's format accepts only text from a tool and other media from the user, so they are moved into
/// a user message after the turn's tool results, which must be contiguous.
/// </summary>
internal static class ToolMedia
{
    /// <summary>The content of a tool message whose output was media only.</summary>
    private static ReadOnlySpan<byte> Elsewhere => "\"(The output follows in the user's message.)\""u8;

    /// <param name="body">The request.</param>
    /// <param name="messages">The span of its messages.</param>
    public static List<Splice> Move(ReadOnlySpan<byte> body, JsonSpan messages)
    {
        var splices = new List<Splice>();
        using var moved = new PooledBytes(256);
        var reader = new Utf8JsonReader(body.Slice(messages.Start, messages.Length));
        var end = 0;
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            var message = Read(ref reader, messages.Start);
            if (!message.IsTool)
            {
                EndTurn(splices, moved, end);
                continue;
            }

            end = messages.Start + (int)reader.BytesConsumed;
            if (message.Parts.Exists)
            {
                Split(body, message, splices, moved);
            }
        }

        EndTurn(splices, moved, end);
        return splices;
    }

    private static Message Read(ref Utf8JsonReader reader, int offset)
    {
        var message = default(Message);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var (isRole, isContent, isCall) = (reader.ValueTextEquals("role"u8), reader.ValueTextEquals("content"u8), reader.ValueTextEquals("tool_call_id"u8));
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            var token = reader.TokenType;
            if (isRole)
            {
                message = message with { IsTool = token == JsonTokenType.String && (reader.ValueTextEquals("tool"u8) || reader.ValueTextEquals("function"u8)) };
            }

            reader.Skip();
            var span = new JsonSpan(offset + start, (int)reader.BytesConsumed - start);
            if (isContent)
            {
                message = message with { Parts = token == JsonTokenType.StartArray ? span : default };
            }
            else if (isCall)
            {
                message = message with { Call = token == JsonTokenType.String ? span : default };
            }
        }

        return message;
    }

    private static void Split(ReadOnlySpan<byte> body, Message message, List<Splice> splices, PooledBytes moved)
    {
        using var parts = JsonDocument.Parse(body.Slice(message.Parts.Start, message.Parts.Length).ToArray());
        using var kept = new PooledBytes(256);
        var any = false;
        foreach (var part in parts.RootElement.EnumerateArray())
        {
            var raw = part.Raw();
            if (part.ValueKind != JsonValueKind.Object || JsonText.Of(part, "type"u8) is null or "text")
            {
                Add(kept, raw);
                continue;
            }

            if (!any)
            {
                Add(moved, "{\"type\":\"text\",\"text\":\"(Output of the tool call "u8);
                moved.Append(message.Call.Exists ? body[(message.Call.Start + 1)..(message.Call.End - 1)] : default);
                moved.Append(":)\"}"u8);
                any = true;
            }

            Add(moved, raw);
        }

        if (any)
        {
            splices.Add(new Splice(message.Parts, kept.Length > 0 ? [(byte)'[', .. kept.Span, (byte)']'] : Elsewhere.ToArray()));
        }
    }

    private static void EndTurn(List<Splice> splices, PooledBytes moved, int end)
    {
        if (moved.Length > 0)
        {
            splices.Add(new Splice(new JsonSpan(end, 0), [.. ",{\"role\":\"user\",\"content\":["u8, .. moved.Span, .. "]}"u8]));
            moved.Clear();
        }
    }

    private static void Add(PooledBytes list, ReadOnlySpan<byte> json)
    {
        list.Append(list.Length > 0 ? ","u8 : default);
        list.Append(json);
    }

    private readonly record struct Message(bool IsTool, JsonSpan Parts, JsonSpan Call);
}
