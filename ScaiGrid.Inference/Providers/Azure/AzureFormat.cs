using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.OpenAi;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Azure;

/// <summary>
/// OpenAI's format, with one difference: a content filter that runs during a stream reports its results in choices without a <c>delta</c>.
/// OpenAI's format has one in every choice, and most clients rely on it.
/// </summary>
internal sealed class AzureFormat(string model, string? outputLimit, string? like) : ChatFormat
{
    private readonly OpenAiFormat _openAi = new(model, outputLimit, isOpenAi: true, like);

    public override PooledBytes? WriteRequest(ChatRequest request, ModelRoute route, out UpstreamError? refused) => _openAi.WriteRequest(request, route, out refused);

    public override ChunkTranslator TranslateStream(UpstreamAddress address) => new AzureStream();

    private sealed class AzureStream() : ChunkTranslator(created: 0)
    {
        public override UpstreamError? Read(ReadOnlyMemory<byte> data)
        {
            // Few chunks of a stream lack a delta; the others are not parsed again.
            if (data.Span.IndexOf("\"delta\""u8) >= 0 || data.Span.IndexOf("\"content_filter_"u8) < 0)
            {
                AddDocument(data.Span);
                return null;
            }

            using var document = JsonDocument.Parse(data);
            if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.Items("choices"u8).Any())
            {
                AddDocument(data.Span);
                return null;
            }

            using var output = new PooledBytes(data.Length + 64);
            using var writer = TranslationJson.Writer(output);
            Write(writer, document.RootElement);
            writer.Flush();
            AddDocument(output.Span);
            return null;
        }

        private static void Write(Utf8JsonWriter writer, JsonElement chunk)
        {
            writer.WriteStartObject();
            foreach (var property in chunk.EnumerateObject())
            {
                if (!property.NameEquals("choices"u8))
                {
                    writer.WriteProperty(property);
                    continue;
                }

                writer.WriteStartArray("choices"u8);
                foreach (var choice in chunk.Items("choices"u8))
                {
                    writer.WriteStartObject();
                    foreach (var own in choice.EnumerateObject())
                    {
                        writer.WriteProperty(own);
                    }

                    writer.WriteStartObject("delta"u8);
                    writer.WriteEndObject();
                    writer.WriteEndObject();
                }

                writer.WriteEndArray();
            }

            writer.WriteEndObject();
        }
    }
}
