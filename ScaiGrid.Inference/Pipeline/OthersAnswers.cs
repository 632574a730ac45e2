using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// Leaves out of the assistant's messages what answers of other models carry there (docs/decisions/0016), for an upstream that refuses fields which it does
/// not know. Callers send messages back as they received them, and cannot know which backend gets the next call.
/// </summary>
internal static class OthersAnswers
{
    /// <param name="body">The request.</param>
    /// <param name="messages">The span of its messages.</param>
    /// <param name="splices">Receives the removals.</param>
    public static void LeaveOut(ReadOnlySpan<byte> body, JsonSpan messages, List<Splice> splices)
    {
        var json = body.Slice(messages.Start, messages.Length);
        if (json.IndexOf("\"extra_content\""u8) < 0 && json.IndexOf("\"reasoning"u8) < 0)
        {
            return;
        }

        var reader = new Utf8JsonReader(json);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.StartObject)
        {
            ReadObject(ref reader, messages.Start, isCall: false, splices);
        }
    }

    private static void ReadObject(ref Utf8JsonReader reader, int offset, bool isCall, List<Splice> splices)
    {
        var properties = new List<(int Start, int End, bool IsForeign)>();
        var isAssistants = isCall;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var start = offset + (int)reader.TokenStartIndex;
            var isForeign = IsForeign(ref reader);
            var (isRole, isCalls) = (reader.ValueTextEquals("role"u8), !isCall && reader.ValueTextEquals("tool_calls"u8));
            reader.Read();
            isAssistants = isAssistants || (isRole && JsonText.Is(ref reader, "assistant"u8));
            if (isCalls && reader.TokenType == JsonTokenType.StartArray)
            {
                ReadCalls(ref reader, offset, splices);
            }
            else
            {
                reader.Skip();
            }

            properties.Add((start, offset + (int)reader.BytesConsumed, isForeign));
        }

        if (isAssistants)
        {
            Remove(properties, splices);
        }
    }

    private static void ReadCalls(ref Utf8JsonReader reader, int offset, List<Splice> splices)
    {
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType == JsonTokenType.StartObject)
            {
                ReadObject(ref reader, offset, isCall: true, splices);
            }
            else
            {
                reader.Skip();
            }
        }
    }

    private static bool IsForeign(ref Utf8JsonReader reader) =>
        reader.ValueTextEquals("extra_content"u8) || reader.ValueTextEquals("reasoning_content"u8)
        || reader.ValueTextEquals("reasoning"u8) || reader.ValueTextEquals("reasoning_details"u8);

    // With the comma before it; if nothing that stays is before it, up to the next property.
    private static void Remove(List<(int Start, int End, bool IsForeign)> properties, List<Splice> splices)
    {
        var stays = false;
        for (var i = 0; i < properties.Count; i++)
        {
            var (start, end, isForeign) = properties[i];
            if (!isForeign)
            {
                stays = true;
                continue;
            }

            start = stays ? properties[i - 1].End : start;
            end = stays || i == properties.Count - 1 ? end : properties[i + 1].Start;
            splices.Add(new Splice(new JsonSpan(start, end - start), []));
        }
    }
}
