using System.Text.Json;
using System.Text.Unicode;
using ScaiGrid.Inference.Metering;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>The parts of an upstream's document in OpenAI's list format: <c>{"data":[…],"usage":{…}}</c>.</summary>
/// <param name="Data">The raw value of the list.</param>
/// <param name="Usage">Null if the upstream sent no usage.</param>
internal readonly record struct AnswerDocument(ReadOnlyMemory<byte> Data, TokenUsage? Usage)
{
    /// <param name="json">The document.</param>
    /// <param name="list">The name of the list, usually <c>data</c>.</param>
    /// <exception cref="JsonException">Not JSON, or without the list.</exception>
    public static AnswerDocument Read(ReadOnlyMemory<byte> json, ReadOnlySpan<byte> list)
    {
        if (!Utf8.IsValid(json.Span))
        {
            throw new JsonException("The document is not UTF-8.");
        }

        var reader = new Utf8JsonReader(json.Span);
        ReadOnlyMemory<byte> data = default;
        TokenUsage? usage = null;
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new JsonException("The document is no object.");
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var (isData, isUsage) = (reader.ValueTextEquals(list), reader.ValueTextEquals("usage"u8));
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            if (isUsage)
            {
                usage = TokenUsage.Read(ref reader);
            }

            isData &= reader.TokenType == JsonTokenType.StartArray;
            reader.Skip();
            data = isData ? json[start..(int)reader.BytesConsumed] : data;
        }

        return data.IsEmpty ? throw new JsonException("The document has no list.") : new AnswerDocument(data, usage);
    }
}
