using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.OpenAi;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Azure;

/// <summary>
/// OpenAI's format, except in streams: the results of the prompt's filter come first, in a chunk without choices, and a filter that runs during the
/// stream reports in choices without a <c>delta</c>. In OpenAI's format only the usage comes without choices, and only if it was asked for, and each
/// choice has a delta. Most clients rely on it.
/// </summary>
internal sealed class AzureFormat(string model, string? outputLimit, string? like) : ChatFormat
{
    private readonly OpenAiFormat _openAi = new(model, outputLimit, isOpenAi: true, like, hasOthers: true);

    public override PooledBytes? WriteRequest(ChatRequest request, ModelRoute route, out UpstreamError? refused) => _openAi.WriteRequest(request, route, out refused);

    public override ChunkTranslator TranslateStream(UpstreamAddress address) => new AzureStream();

    private sealed class AzureStream() : ChunkTranslator(created: 0)
    {
        // Of the prompt's filter, until the first chunk with choices carries them.
        private byte[]? _promptResults;

        private static ReadOnlySpan<byte> PromptResults => "prompt_filter_results"u8;

        public override UpstreamError? Read(ReadOnlyMemory<byte> data)
        {
            // Few chunks of a stream need a change; the others are not parsed again.
            if (_promptResults is null && (data.Span.IndexOf("\"delta\""u8) >= 0 || data.Span.IndexOf("_filter_"u8) < 0))
            {
                AddDocument(data.Span);
                return null;
            }

            using var document = JsonDocument.Parse(data);
            var chunk = document.RootElement;
            if (chunk.ValueKind == JsonValueKind.Object && chunk.Items("choices"u8).Any())
            {
                using var output = new PooledBytes(data.Length + 64);
                using var writer = TranslationJson.Writer(output);
                Write(writer, chunk);
                writer.Flush();
                AddDocument(output.Span);
            }
            else if (!TakePromptResults(chunk))
            {
                AddDocument(data.Span);
            }

            return null;
        }

        private bool TakePromptResults(JsonElement chunk)
        {
            if (chunk.ValueKind != JsonValueKind.Object || !chunk.TryGetProperty(PromptResults, out var results)
                || chunk.TryGetObject("usage"u8, out _) || chunk.TryGetProperty("error"u8, out _))
            {
                return false;
            }

            _promptResults = results.Raw().ToArray();
            return true;
        }

        private void Write(Utf8JsonWriter writer, JsonElement chunk)
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
                    WriteChoice(writer, choice);
                }

                writer.WriteEndArray();
            }

            if (_promptResults is not null && !chunk.TryGetProperty(PromptResults, out _))
            {
                writer.WriteRaw(PromptResults, _promptResults);
            }

            _promptResults = null;
            writer.WriteEndObject();
        }

        private static void WriteChoice(Utf8JsonWriter writer, JsonElement choice)
        {
            writer.WriteStartObject();
            foreach (var property in choice.EnumerateObject())
            {
                writer.WriteProperty(property);
            }

            if (!choice.TryGetProperty("delta"u8, out _))
            {
                writer.WriteStartObject("delta"u8);
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
        }
    }
}
