using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>Translates chat completions to Anthropic's Messages API and back.</summary>
internal sealed class AnthropicFormat(AnthropicModel model, TimeProvider time) : TranslatedFormat(model.Name)
{
    protected override PooledBytes Write(RequestDocument document) => AnthropicRequest.Write(document, model);

    public override void AddHeaders(HttpRequestHeaders headers, PooledBytes request)
    {
        if (model.BindsThinking)
        {
            AnthropicThinking.NameFeature(headers, request.Span);
        }
    }

    public override PooledBytes? ReadCompletion(PooledBytes answer, UpstreamAddress address, out UpstreamError? failed)
    {
        using (answer)
        {
            failed = null;
            using var document = JsonDocument.Parse(answer.Memory);
            var message = document.RootElement;
            if (message.ValueKind != JsonValueKind.Object || !message.TryGetProperty("content"u8, out var content) || content.ValueKind != JsonValueKind.Array)
            {
                failed = new UpstreamError(UpstreamFailure.ShapeMismatch, "The upstream's answer has no content.");
                return null;
            }

            return Read(message, content);
        }
    }

    public override ChunkTranslator TranslateStream(UpstreamAddress address) => new AnthropicStream(address, time.GetUtcNow().ToUnixTimeSeconds());

    private PooledBytes Read(JsonElement message, JsonElement content)
    {
        using var completion = new CompletionWriter();
        completion.Start(message.RawText("id"u8), message.RawText("model"u8), time.GetUtcNow().ToUnixTimeSeconds());
        using var thoughts = new AnthropicThoughts();
        foreach (var block in content.EnumerateArray().Where(block => block.ValueKind == JsonValueKind.Object))
        {
            ReadBlock(completion, block, thoughts);
        }

        var usage = new AnthropicUsage();
        usage.Add(message);
        thoughts.EndText();
        completion.EndChoice(0, AnthropicFinish.Of(message) ?? "stop", !thoughts.Any ? null : writer => writer.WriteRaw("extra_content"u8, thoughts.ToExtraContent()));
        return completion.End(usage.Exists ? usage.Tokens : null, usage.CacheWrites);
    }

    private static void ReadBlock(CompletionWriter completion, JsonElement block, AnthropicThoughts thoughts)
    {
        switch (JsonText.Of(block, "type"u8))
        {
            case "text" when block.TryGetString("text"u8, out var text):
                completion.AddContent(text);
                thoughts.AddText(text.RawInner());
                thoughts.EndText();
                break;
            case "tool_use" when block.TryGetString("name"u8, out var name):
                thoughts.AddCall();
                completion.AddToolCall(
                    JsonText.Of(block, "id"u8) ?? "", name.Raw(), block.TryGetProperty("input"u8, out var input) ? input.Raw() : "{}"u8);
                break;
            case "thinking" or "redacted_thinking":
                if (block.TryGetString("thinking"u8, out var thought))
                {
                    completion.AddReasoning(thought);
                }

                thoughts.Add(Encoding.UTF8.GetBytes(block.GetRawText()));
                break;
        }
    }
}
