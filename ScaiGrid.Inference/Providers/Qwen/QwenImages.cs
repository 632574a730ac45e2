using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Qwen;

/// <summary>Images from models that answer synchronously; those that answer with a task to poll are not supported.</summary>
internal sealed class QwenImages(UpstreamEndpoint endpoint, string model) : IDocumentUpstream
{
    private static readonly KnownFields Parameters = new("negative_prompt", "prompt_extend", "watermark", "seed");

    public async Task<DocumentReply> SendAsync(JsonRequest request, ModelRoute route, CallDeadline deadline)
    {
        using var body = Write(request, route);
        var reply = await endpoint.PostJsonAsync(body, deadline);
        return reply.Document is { } document ? DocumentTranslation.Translate(document, Translate) : reply;
    }

    private PooledBytes Write(JsonRequest request, ModelRoute route)
    {
        var body = new PooledBytes(1024);
        using var writer = TranslationJson.Writer(body);
        writer.WriteStartObject();
        writer.WriteString("model"u8, model);
        writer.WriteStartObject("input"u8);
        writer.WriteStartArray("messages"u8);
        writer.WriteStartObject();
        writer.WriteString("role"u8, "user"u8);
        writer.WriteStartArray("content"u8);
        writer.WriteStartObject();
        writer.WriteRaw("text"u8, request["prompt"].Span);
        writer.WriteEndObject();
        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.WriteEndArray();
        writer.WriteEndObject();
        writer.WriteStartObject("parameters"u8);

        // Without it, Wan makes four, of which the caller would pay each.
        writer.WriteNumber("n"u8, request.WholeNumber("n", route) ?? 1);
        Parameters.WriteFields(writer, request, route);
        if (request.Text("size", route) is { } size and not "auto")
        {
            writer.WriteString("size"u8, size.Replace('x', '*'));
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.Flush();
        return body;
    }

    private static void Translate(Utf8JsonWriter writer, JsonElement answer)
    {
        writer.WriteStartArray("data"u8);
        foreach (var choice in answer.GetProperty("output"u8).GetProperty("choices"u8).EnumerateArray())
        {
            foreach (var part in choice.GetProperty("message"u8).GetProperty("content"u8).EnumerateArray().Where(part => part.TryGetProperty("image"u8, out _)))
            {
                writer.WriteStartObject();
                part.CopyTo(writer, "image"u8, "url"u8);
                writer.WriteEndObject();
            }
        }

        writer.WriteEndArray();
    }
}
