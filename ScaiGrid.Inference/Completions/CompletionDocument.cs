using System.Buffers;
using System.Text.Json;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Inference.Completions;

/// <summary>Writes a chat model's answer as a completion.</summary>
internal static class CompletionDocument
{
    public static void Write(IBufferWriter<byte> body, ChunkView completion, CallResult result, string protocol)
    {
        var answer = ChatAnswer.Parse(completion.Json);
        using var writer = new Utf8JsonWriter(body);
        if (protocol == Protocols.OpenAi)
        {
            writer.WriteStartObject();
        }
        else
        {
            DocumentWriter.BeginData(writer);
        }

        WriteHead(writer, answer.Id, answer.Created, result.Model);
        WriteChoices(writer, answer.Choices);
        if (protocol == Protocols.OpenAi)
        {
            UsageWriter.WriteOpenAi(writer, result.Usage);
            writer.WriteEndObject();
        }
        else
        {
            DocumentWriter.EndData(writer, result);
        }
    }

    public static void WriteHead(Utf8JsonWriter writer, string id, long created, ModelRoute model)
    {
        writer.WriteString("id"u8, id);
        writer.WriteString("object"u8, "text_completion"u8);
        writer.WriteNumber("created"u8, created);
        writer.WriteString("model"u8, model.Slug);
    }

    public static void WriteChoices(Utf8JsonWriter writer, IReadOnlyList<ChatChoice> choices)
    {
        writer.WriteStartArray("choices"u8);
        foreach (var choice in choices)
        {
            writer.WriteStartObject();
            writer.WriteNumber("index"u8, choice.Index);
            writer.WriteString("text"u8, choice.Content + choice.Refusal);
            writer.WriteNull("logprobs"u8);
            writer.WriteString("finish_reason"u8, choice.FinishReason);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}
