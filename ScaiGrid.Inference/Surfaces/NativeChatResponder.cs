using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Surfaces;

/// <summary><c>/v1/inference/chat</c>: a normalised answer under <c>data</c>; in streams, the chunks, and a last one with the usage.</summary>
internal sealed class NativeChatResponder(HttpContext context, TimeProvider time) : HttpChatResponder(context, time)
{
    private byte[]? _id;

    protected override void WriteCompletion(IBufferWriter<byte> body, ChunkView completion, CallResult result)
    {
        var answer = ChatAnswer.Parse(completion.Json);
        using var writer = new Utf8JsonWriter(body);
        writer.WriteStartObject();
        writer.WriteString("status"u8, "ok"u8);
        writer.WriteStartObject("data"u8);
        writer.WriteString("id"u8, answer.Id);
        writer.WriteString("model"u8, result.Model.Slug);
        writer.WriteNumber("created"u8, answer.Created);
        writer.WriteStartArray("choices"u8);
        foreach (var choice in answer.Choices)
        {
            WriteChoice(writer, choice);
        }

        writer.WriteEndArray();
        UsageJsonWriter.WriteNative(writer, result.Usage);
        RoutingJsonWriter.Write(writer, result);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    protected override void WriteChunk(IBufferWriter<byte> body, ChunkView chunk)
    {
        if (_id is null && chunk.Id.Exists)
        {
            _id = chunk.Json.Slice(chunk.Id.Start, chunk.Id.Length).ToArray();
        }

        if (chunk.HasChoices)
        {
            ChunkWriter.WriteEvent(body, chunk, Model, withUsage: false);
        }
    }

    protected override void WriteEnd(IBufferWriter<byte> body, CallResult result)
    {
        body.Write("data: "u8);
        using (var writer = new Utf8JsonWriter(body))
        {
            writer.WriteStartObject();
            writer.WritePropertyName("id"u8);
            writer.WriteRawValue(_id ?? "null"u8.ToArray());
            writer.WriteString("object"u8, "chat.completion.chunk"u8);
            writer.WriteString("model"u8, result.Model.Slug);
            writer.WriteStartArray("choices"u8);
            writer.WriteEndArray();
            UsageJsonWriter.WriteNative(writer, result.Usage);
            RoutingJsonWriter.Write(writer, result);
            writer.WriteEndObject();
        }

        body.Write("\n\n"u8);
    }

    protected override void WriteError(IBufferWriter<byte> body, Problem problem)
    {
        body.Write("data: "u8);
        using (var writer = new Utf8JsonWriter(body))
        {
            writer.WriteStartObject();
            writer.WriteString("code"u8, problem.Error.Code);
            writer.WriteString("message"u8, problem.Text);
            writer.WriteEndObject();
        }

        body.Write("\n\n"u8);
    }

    private static void WriteChoice(Utf8JsonWriter writer, ChatChoice choice)
    {
        writer.WriteStartObject();
        writer.WriteNumber("index"u8, choice.Index);
        writer.WriteStartObject("message"u8);
        writer.WriteString("role"u8, choice.Role);
        writer.WriteString("content"u8, choice.Content);
        if (choice.ToolCalls.Count > 0)
        {
            writer.WriteStartArray("tool_calls"u8);
            foreach (var call in choice.ToolCalls)
            {
                writer.WriteStartObject();
                writer.WriteString("id"u8, call.Id);
                writer.WriteString("type"u8, "function"u8);
                writer.WriteStartObject("function"u8);
                writer.WriteString("name"u8, call.Name);
                writer.WriteString("arguments"u8, call.Arguments);
                writer.WriteEndObject();
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        if (choice.Reasoning is not null)
        {
            writer.WriteString("reasoning"u8, choice.Reasoning);
        }

        writer.WriteEndObject();
        writer.WriteString("finish_reason"u8, choice.FinishReason);
        writer.WriteEndObject();
    }
}
