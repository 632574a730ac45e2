using System.Text.Json;
using Google.Protobuf.WellKnownTypes;
using ScaiGrid.Core.Errors;
using ScaiGrid.Grpc.V1;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Grpc.Inference;

/// <summary>Writes a gRPC chat request as the JSON document that the pipeline reads, so that both surfaces share its validation.</summary>
internal static class CanonicalRequest
{
    public static PooledBytes Write(ChatRequest request, bool stream) => GrpcJson.Write(request.CalculateSize() + 1024, writer =>
    {
        writer.WriteText("model"u8, request.Model);
        writer.WriteBoolean("stream"u8, stream);
        writer.WriteStartArray("messages"u8);
        foreach (var message in request.Messages)
        {
            WriteMessage(writer, message);
        }

        writer.WriteEndArray();
        WriteParameters(writer, request);
    });

    private static void WriteParameters(Utf8JsonWriter writer, ChatRequest request)
    {
        if (request.HasMaxTokens)
        {
            writer.WriteNumber("max_tokens"u8, request.MaxTokens);
        }

        if (request.HasTemperature)
        {
            WriteNumber(writer, "temperature", request.Temperature);
        }

        if (request.HasTopP)
        {
            WriteNumber(writer, "top_p", request.TopP);
        }

        if (request.Stop.Count > 0)
        {
            writer.WriteStartArray("stop"u8);
            foreach (var stop in request.Stop)
            {
                writer.WriteText(stop);
            }

            writer.WriteEndArray();
        }

        if (request.HasSeed)
        {
            writer.WriteNumber("seed"u8, request.Seed);
        }

        WriteTools(writer, request);
        if (request.Metadata.Count > 0)
        {
            writer.WriteStartObject("metadata"u8);
            foreach (var (name, value) in request.Metadata)
            {
                writer.WriteName(name);
                writer.WriteText(value);
            }

            writer.WriteEndObject();
        }

        if (request.ResponseFormat is { } format)
        {
            WriteStruct(writer, "response_format", format);
        }

        WriteText(writer, "reasoning_effort"u8, request.HasReasoningEffort, request.ReasoningEffort);
        if (request.HasParallelToolCalls)
        {
            writer.WriteBoolean("parallel_tool_calls"u8, request.ParallelToolCalls);
        }

        WriteText(writer, "user"u8, request.HasUser, request.User);
    }

    private static void WriteTools(Utf8JsonWriter writer, ChatRequest request)
    {
        if (request.Tools.Count > 0)
        {
            writer.WriteStartArray("tools"u8);
            foreach (var tool in request.Tools)
            {
                writer.WriteStartObject();
                writer.WriteString("type"u8, "function"u8);
                writer.WriteStartObject("function"u8);
                writer.WriteText("name"u8, tool.Name);
                writer.WriteText("description"u8, tool.Description);
                if (tool.Parameters is { } parameters)
                {
                    WriteStruct(writer, "parameters", parameters);
                }

                if (tool.HasStrict)
                {
                    writer.WriteBoolean("strict"u8, tool.Strict);
                }

                writer.WriteEndObject();
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        if (!request.HasToolChoice)
        {
            return;
        }

        if (request.ToolChoice is "auto" or "none" or "required")
        {
            writer.WriteText("tool_choice"u8, request.ToolChoice);
            return;
        }

        writer.WriteStartObject("tool_choice"u8);
        writer.WriteString("type"u8, "function"u8);
        writer.WriteStartObject("function"u8);
        writer.WriteText("name"u8, request.ToolChoice);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    private static void WriteMessage(Utf8JsonWriter writer, ChatMessage message)
    {
        writer.WriteStartObject();
        writer.WriteText("role"u8, message.Role);
        if (message.Parts.Count > 0)
        {
            writer.WriteStartArray("content"u8);
            foreach (var part in message.Parts)
            {
                WritePart(writer, part);
            }

            writer.WriteEndArray();
        }
        else if (message.HasContent)
        {
            writer.WriteText("content"u8, message.Content);
        }

        if (message.ToolCalls.Count > 0)
        {
            writer.WriteStartArray("tool_calls"u8);
            foreach (var call in message.ToolCalls)
            {
                writer.WriteStartObject();
                writer.WriteText("id"u8, call.Id);
                writer.WriteString("type"u8, "function"u8);
                writer.WriteStartObject("function"u8);
                writer.WriteText("name"u8, call.Name);
                writer.WriteText("arguments"u8, call.Arguments);
                writer.WriteEndObject();
                WriteJson(writer, "extra_content"u8, call.HasExtraContent, call.ExtraContent);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        WriteText(writer, "reasoning"u8, message.HasReasoning, message.Reasoning);
        WriteJson(writer, "reasoning_details"u8, message.HasReasoningDetails, message.ReasoningDetails);
        WriteJson(writer, "extra_content"u8, message.HasExtraContent, message.ExtraContent);
        WriteText(writer, "refusal"u8, message.HasRefusal, message.Refusal);
        WriteText(writer, "tool_call_id"u8, message.HasToolCallId, message.ToolCallId);
        WriteText(writer, "name"u8, message.HasName, message.Name);
        writer.WriteEndObject();
    }

    private static void WritePart(Utf8JsonWriter writer, ContentPart part)
    {
        writer.WriteStartObject();
        switch (part.PartCase)
        {
            case ContentPart.PartOneofCase.ImageUrl:
                writer.WriteString("type"u8, "image_url"u8);
                writer.WriteStartObject("image_url"u8);
                writer.WriteText("url"u8, part.ImageUrl);
                writer.WriteEndObject();
                break;
            case ContentPart.PartOneofCase.InputAudio:
                writer.WriteString("type"u8, "input_audio"u8);
                writer.WriteStartObject("input_audio"u8);
                writer.WriteText("data"u8, part.InputAudio.Data);
                writer.WriteText("format"u8, part.InputAudio.Format);
                writer.WriteEndObject();
                break;
            case ContentPart.PartOneofCase.File:
                writer.WriteString("type"u8, "file"u8);
                writer.WriteStartObject("file"u8);
                writer.WriteText("filename"u8, part.File.Filename);
                writer.WriteText("file_data"u8, part.File.FileData);
                writer.WriteEndObject();
                break;
            default:
                writer.WriteString("type"u8, "text"u8);
                writer.WriteText("text"u8, part.Text);
                break;
        }

        writer.WriteEndObject();
    }

    private static void WriteText(Utf8JsonWriter writer, ReadOnlySpan<byte> name, bool isGiven, string text)
    {
        if (isGiven)
        {
            writer.WriteText(name, text);
        }
    }

    private static void WriteStruct(Utf8JsonWriter writer, string name, Struct value)
    {
        writer.WritePropertyName(name);
        WriteObject(writer, name, value);
    }

    private static void WriteObject(Utf8JsonWriter writer, string field, Struct value)
    {
        writer.WriteStartObject();
        foreach (var (name, one) in value.Fields)
        {
            writer.WriteName(name);
            WriteValue(writer, field, one);
        }

        writer.WriteEndObject();
    }

    private static void WriteValue(Utf8JsonWriter writer, string field, Value value)
    {
        switch (value.KindCase)
        {
            case Value.KindOneofCase.NullValue:
                writer.WriteNullValue();
                break;
            case Value.KindOneofCase.BoolValue:
                writer.WriteBooleanValue(value.BoolValue);
                break;
            case Value.KindOneofCase.NumberValue when double.IsFinite(value.NumberValue):
                writer.WriteNumberValue(value.NumberValue);
                break;
            case Value.KindOneofCase.StringValue:
                writer.WriteText(value.StringValue);
                break;
            case Value.KindOneofCase.StructValue:
                WriteObject(writer, field, value.StructValue);
                break;
            case Value.KindOneofCase.ListValue:
                writer.WriteStartArray();
                foreach (var item in value.ListValue.Values)
                {
                    WriteValue(writer, field, item);
                }

                writer.WriteEndArray();
                break;
            default:
                throw new ApiException(Problem.Invalid(field, "has a value that is not set, or a number that is not finite."));
        }
    }

    // JSON given as text. Invalid JSON is passed on as a string, which no provider accepts.
    private static void WriteJson(Utf8JsonWriter writer, ReadOnlySpan<byte> name, bool isGiven, string json)
    {
        if (!isGiven)
        {
            return;
        }

        writer.WritePropertyName(name);
        try
        {
            using var document = JsonDocument.Parse(json);
            writer.WriteRawValue(json, skipInputValidation: true);
        }
        catch (JsonException)
        {
            writer.WriteText(json);
        }
    }

    // JSON has no infinity and no NaN: written as a string, it is refused by the reader's own check, with the field's name.
    private static void WriteNumber(Utf8JsonWriter writer, string name, double value)
    {
        if (double.IsFinite(value))
        {
            writer.WriteNumber(name, value);
        }
        else
        {
            writer.WriteString(name, "not a finite number");
        }
    }
}
