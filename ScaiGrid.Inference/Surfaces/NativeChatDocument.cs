using System.Buffers;
using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>Writes a chat model's output in the native surface's form.</summary>
internal static class NativeChatDocument
{
    /// <summary>Writes a whole answer including the envelope.</summary>
    public static void Write(IBufferWriter<byte> body, ChunkView completion, CallResult result)
    {
        var answer = ChatAnswer.Parse(completion.Json);
        using var writer = new Utf8JsonWriter(body);
        DocumentWriter.BeginData(writer);
        writer.WriteString("id"u8, answer.Id);
        writer.WriteString("model"u8, result.Model.Slug);
        writer.WriteNumber("created"u8, answer.Created);
        WriteChoices(writer, answer, isDelta: false, choice => choice.IsRenamed ? choice.MarkedExtraContent(result.Backend) : choice.ExtraContent);
        DocumentWriter.EndData(writer, result);
    }

    /// <summary>Writes a chunk of a stream.</summary>
    /// <param name="body">The response's body.</param>
    /// <param name="answer">The chunk's content.</param>
    /// <param name="model">The frontend model.</param>
    /// <param name="extraContent">Returns a choice's <c>extra_content</c>, with the mark where it belongs; null for none.</param>
    public static void WriteChunk(IBufferWriter<byte> body, ChatAnswer answer, ModelRoute model, Func<ChatChoice, string?> extraContent)
    {
        using var writer = new Utf8JsonWriter(body);
        writer.WriteStartObject();
        writer.WriteString("id"u8, answer.Id);
        writer.WriteString("object"u8, "chat.completion.chunk"u8);
        writer.WriteNumber("created"u8, answer.Created);
        writer.WriteString("model"u8, model.Slug);
        WriteChoices(writer, answer, isDelta: true, extraContent);
        writer.WriteEndObject();
    }

    private static void WriteChoices(Utf8JsonWriter writer, ChatAnswer answer, bool isDelta, Func<ChatChoice, string?> extraContent)
    {
        writer.WriteStartArray("choices"u8);
        foreach (var choice in answer.Choices)
        {
            WriteChoice(writer, choice, isDelta, extraContent(choice));
        }

        writer.WriteEndArray();
    }

    private static void WriteChoice(Utf8JsonWriter writer, ChatChoice choice, bool isDelta, string? extraContent)
    {
        writer.WriteStartObject();
        writer.WriteNumber("index"u8, choice.Index);
        writer.WriteStartObject(isDelta ? "delta"u8 : "message"u8);
        writer.WriteString("role"u8, choice.Role);
        if (!isDelta || choice.Content is not null)
        {
            // A plain string, also where the model wrote none.
            writer.WriteString("content"u8, choice.Content ?? "");
        }

        if (choice.Refusal is not null)
        {
            writer.WriteString("refusal"u8, choice.Refusal);
        }

        if (choice.ToolCalls.Count > 0)
        {
            writer.WriteStartArray("tool_calls"u8);
            foreach (var call in choice.ToolCalls)
            {
                WriteToolCall(writer, call, isDelta);
            }

            writer.WriteEndArray();
        }

        if (choice.Reasoning is not null)
        {
            writer.WriteString("reasoning"u8, choice.Reasoning);
        }

        WriteRaw(writer, "reasoning_details"u8, choice.ReasoningDetails);
        WriteRaw(writer, "annotations"u8, choice.Annotations);
        WriteRaw(writer, "audio"u8, choice.Audio);
        WriteRaw(writer, "extra_content"u8, extraContent);
        writer.WriteEndObject();
        WriteRaw(writer, "logprobs"u8, choice.Logprobs);
        writer.WriteString("finish_reason"u8, choice.FinishReason);
        writer.WriteEndObject();
    }

    private static void WriteToolCall(Utf8JsonWriter writer, ChatToolCall call, bool isDelta)
    {
        writer.WriteStartObject();
        if (isDelta)
        {
            writer.WriteNumber("index"u8, call.Index);
        }

        // Later fragments of a streamed call have neither id nor name.
        if (!isDelta || call.Id is not null)
        {
            writer.WriteString("id"u8, call.Id);
            writer.WriteString("type"u8, "function"u8);
        }

        writer.WriteStartObject("function"u8);
        if (!isDelta || call.Name is not null)
        {
            writer.WriteString("name"u8, call.Name);
        }

        writer.WriteString("arguments"u8, call.Arguments);
        writer.WriteEndObject();
        WriteRaw(writer, "extra_content"u8, call.ExtraContent);
        writer.WriteEndObject();
    }

    // Unchanged: parts of it may be signed, and the upstream accepts it back only as it was.
    private static void WriteRaw(Utf8JsonWriter writer, ReadOnlySpan<byte> name, string? json)
    {
        if (json is not null)
        {
            writer.WritePropertyName(name);
            writer.WriteRawValue(json);
        }
    }
}
