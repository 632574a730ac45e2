using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Mistral;

/// <summary>Mistral's dialect of chat completions.</summary>
internal sealed class MistralFormat(string model) : TranslatedFormat(model)
{
    protected override PooledBytes Write(RequestDocument document) => MistralRequest.Write(document);

    public override PooledBytes? ReadCompletion(PooledBytes answer, UpstreamAddress address, out UpstreamError? failed)
    {
        PooledBytes? translated = null;
        failed = null;
        try
        {
            using var document = JsonDocument.Parse(answer.Memory);
            translated = document.RootElement.ValueKind == JsonValueKind.Object ? MistralAnswer.Translate(document.RootElement, out failed) : null;
            return failed is null ? translated ?? answer : null;
        }
        finally
        {
            if (translated is not null || failed is not null)
            {
                answer.Dispose();
            }
        }
    }

    public override ChunkTranslator TranslateStream(UpstreamAddress address) => new MistralStream(address);

    /// <summary>The chunks of a stream; most need no translation.</summary>
    private sealed class MistralStream(UpstreamAddress address) : ChunkTranslator(created: 0)
    {
        public override UpstreamError? Read(ReadOnlyMemory<byte> data)
        {
            using var document = JsonDocument.Parse(data);
            var chunk = document.RootElement;
            if (chunk.ValueKind != JsonValueKind.Object)
            {
                throw new JsonException("A chunk must be an object.");
            }

            if (!chunk.TryGetProperty("choices"u8, out _) && !chunk.TryGetProperty("usage"u8, out _))
            {
                return UpstreamErrors.FromEvent(data, address);
            }

            using var translated = MistralAnswer.Translate(chunk, out var failed);
            if (failed is null)
            {
                AddDocument(translated is null ? data.Span : translated.Span);
            }

            return failed;
        }
    }
}
