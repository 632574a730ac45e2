using System.Text.Json;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Echo;

/// <summary>Answers from the request itself, in OpenAI's documents.</summary>
internal sealed class EchoChat(string model, TimeProvider time) : IChatUpstream
{
    private readonly byte[] _modelJson = JsonSerializer.SerializeToUtf8Bytes(model, CanonicalJson.Default.String);

    public Task<ChatReply> SendAsync(ChatRequest request, ModelRoute route, CallDeadline deadline)
    {
        using var document = new RequestDocument(request, route, _modelJson, dialect: null);
        var answer = EchoAnswer.To(document, TokenCounter.CountPrompt(request.Body, route.SystemPrompt));
        return Task.FromResult(request.Stream
            ? ChatReply.Streaming(new EchoStream(model, answer, Now))
            : ChatReply.Completed(Complete(answer)));
    }

    private long Now => time.GetUtcNow().ToUnixTimeSeconds();

    private PooledBytes Complete(EchoAnswer answer)
    {
        var bytes = new PooledBytes();
        using var writer = new Utf8JsonWriter(bytes);
        EchoJson.Start(writer, model, Now, "chat.completion"u8);
        writer.WriteStartObject();
        writer.WriteNumber("index"u8, 0);
        writer.WriteStartObject("message"u8);
        writer.WriteString("role"u8, "assistant"u8);
        if (answer.ToolName is null)
        {
            writer.WriteString("content"u8, answer.Text);
        }
        else
        {
            writer.WriteNull("content"u8);
            EchoJson.ToolCall(writer, answer.ToolName, answer.Text, index: null);
        }

        writer.WriteEndObject();
        writer.WriteString("finish_reason"u8, answer.FinishReason);
        writer.WriteEndObject();
        writer.WriteEndArray();
        UsageWriter.WriteOpenAi(writer, answer.Usage, withDetails: false);
        writer.WriteEndObject();
        writer.Flush();
        return bytes;
    }
}
