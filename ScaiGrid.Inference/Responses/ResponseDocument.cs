using System.Text.Json;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Responses;

/// <summary>The <c>response</c> object: the request's parameters and the output so far.</summary>
/// <param name="request">The request, whose parameters are repeated.</param>
/// <param name="id">The response's id, <c>resp_…</c>.</param>
/// <param name="createdAt">The creation time in Unix seconds.</param>
internal sealed class ResponseDocument(ResponsesRequest request, string id, long createdAt)
{
    private static readonly (string Name, string Otherwise)[] Repeated =
    [
        ("instructions", "null"), ("max_output_tokens", "null"), ("metadata", "{}"), ("parallel_tool_calls", "true"),
        ("reasoning", """{"effort":null,"summary":null}"""), ("temperature", "1"), ("text", """{"format":{"type":"text"}}"""),
        ("tool_choice", "\"auto\""), ("tools", "[]"), ("top_p", "1"), ("user", "null"),
    ];

    /// <param name="writer">A writer positioned where a value is expected.</param>
    /// <param name="slug">The frontend model's slug.</param>
    /// <param name="status"><c>in_progress</c>, <c>completed</c>, <c>incomplete</c> or <c>failed</c>.</param>
    /// <param name="output">The output items; null before the first.</param>
    /// <param name="usage">The usage, known only at the end.</param>
    /// <param name="failed">The reason for a failure; null if there was none.</param>
    public void Write(Utf8JsonWriter writer, string slug, string status, ResponseOutput? output, TokenUsage? usage, Problem? failed = null)
    {
        writer.WriteStartObject();
        writer.WriteString("id"u8, id);
        writer.WriteString("object"u8, "response"u8);
        writer.WriteNumber("created_at"u8, createdAt);
        writer.WriteString("status"u8, status);
        writer.WriteBoolean("background"u8, false);
        WriteError(writer, failed ?? output?.Failure);
        if (output?.IncompleteReason is { } reason)
        {
            writer.WriteStartObject("incomplete_details"u8);
            writer.WriteString("reason"u8, reason);
            writer.WriteEndObject();
        }
        else
        {
            writer.WriteNull("incomplete_details"u8);
        }

        writer.WriteString("model"u8, slug);
        writer.WriteStartArray("output"u8);
        foreach (var item in output?.Items ?? [])
        {
            item.Write(writer);
        }

        writer.WriteEndArray();
        writer.WriteNull("previous_response_id"u8);
        writer.WriteBoolean("store"u8, false);
        writer.WriteString("truncation"u8, "disabled"u8);
        foreach (var (name, otherwise) in Repeated)
        {
            writer.WritePropertyName(name);
            if (request[name] is { IsEmpty: false } given)
            {
                JsonLine.Write(writer, given.Span);
            }
            else
            {
                writer.WriteRawValue(otherwise);
            }
        }

        if (usage is { } used)
        {
            WriteUsage(writer, used);
        }
        else
        {
            writer.WriteNull("usage"u8);
        }

        writer.WriteEndObject();
    }

    private static void WriteError(Utf8JsonWriter writer, Problem? failed)
    {
        if (failed is null)
        {
            writer.WriteNull("error"u8);
            return;
        }

        writer.WriteStartObject("error"u8);
        writer.WriteString("code"u8, ErrorWriter.OpenAiCode(failed));
        writer.WriteString("message"u8, failed.Text);
        writer.WriteEndObject();
    }

    private static void WriteUsage(Utf8JsonWriter writer, TokenUsage usage)
    {
        writer.WriteStartObject("usage"u8);
        writer.WriteNumber("input_tokens"u8, usage.Prompt);
        writer.WriteStartObject("input_tokens_details"u8);
        writer.WriteNumber("cached_tokens"u8, usage.Cached);
        writer.WriteEndObject();
        writer.WriteNumber("output_tokens"u8, usage.Completion);
        writer.WriteStartObject("output_tokens_details"u8);
        writer.WriteNumber("reasoning_tokens"u8, usage.Reasoning);
        writer.WriteEndObject();
        writer.WriteNumber("total_tokens"u8, usage.Total);
        writer.WriteEndObject();
    }
}
