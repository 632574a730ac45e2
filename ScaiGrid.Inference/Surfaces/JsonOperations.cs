using System.Collections.Frozen;
using ScaiGrid.Inference.Completions;
using ScaiGrid.Inference.Embeddings;
using ScaiGrid.Inference.Images;
using ScaiGrid.Inference.Pipeline;

namespace ScaiGrid.Inference.Surfaces;

/// <summary>
/// The operations that take one JSON document and answer with one, by their paths: for callers that have requests but no HTTP, such as a
/// batch. Streams are refused.
/// </summary>
public sealed class JsonOperations
{
    private readonly FrozenDictionary<string, JsonOperationEntry> _byPath;

    internal JsonOperations(ChatPipeline chat, EmbeddingOperation embeddings, ImageOperation images)
    {
        var completions = new WholeChatOperation(chat, CompletionRequest.Read, CompletionDocument.Write);
        var conversations = new WholeChatOperation(chat, WholeChatOperation.ReadChat, WholeChatOperation.WriteChat);
        _byPath = new Dictionary<string, JsonOperationEntry>
        {
            ["/v1/inference/chat"] = new(conversations, Protocols.Native),
            ["/v1/inference/embed"] = new(embeddings, Protocols.Native),
            ["/v1/inference/generate"] = new(completions, Protocols.Native),
            ["/v1/inference/images/generate"] = new(images, Protocols.Native),

            // As files for OpenAI's own batches name them.
            ["/v1/chat/completions"] = new(conversations, Protocols.OpenAi),
            ["/v1/completions"] = new(completions, Protocols.OpenAi),
            ["/v1/embeddings"] = new(embeddings, Protocols.OpenAi),
            ["/v1/images/generations"] = new(images, Protocols.OpenAi),
        }.ToFrozenDictionary();
    }

    public IEnumerable<string> Paths => _byPath.Keys;

    /// <returns>Null when no operation has the path.</returns>
    public JsonOperationEntry? Find(string path) => _byPath.GetValueOrDefault(path);
}

/// <param name="Operation">What to run.</param>
/// <param name="Protocol">For the call's context: the shape of the answer.</param>
public sealed record JsonOperationEntry(IJsonOperation Operation, string Protocol);
