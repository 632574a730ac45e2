using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Qwen;

/// <summary>Model Studio's dialect of chat completions. Its answers need no translation.</summary>
internal sealed class QwenFormat(string model) : TranslatedFormat(model)
{
    protected override OpenAiDialect? Dialect => OpenAiDialect.Plain;

    protected override PooledBytes Write(RequestDocument document) => QwenRequest.Write(document);
}
