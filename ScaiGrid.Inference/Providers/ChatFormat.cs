using System.Net.Http.Headers;
using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers;

/// <summary>
/// One upstream's wire format against ours, which is OpenAI's chat completions: pure bytes to bytes, no input or output. Shared by all
/// calls of a backend; what a stream must remember is in its <see cref="ChunkTranslator"/>.
/// </summary>
internal abstract class ChatFormat
{
    /// <summary>Writes the upstream's request. The caller's bytes stay as they are, since another attempt may need them.</summary>
    /// <returns>Null when the request holds what the upstream's format cannot say.</returns>
    public abstract PooledBytes? WriteRequest(ChatRequest request, ModelRoute route, out UpstreamError? refused);

    /// <summary>Headers that belong to what is in a request, besides the backend's own.</summary>
    /// <param name="headers">Get them.</param>
    /// <param name="request">The upstream's, as it was written.</param>
    public virtual void AddHeaders(HttpRequestHeaders headers, PooledBytes request)
    {
    }

    /// <summary>Makes a <c>chat.completion</c> of a whole answer, which it takes over. The same bytes where the format is ours.</summary>
    /// <param name="answer">The upstream's.</param>
    /// <param name="address">Where it comes from.</param>
    /// <param name="failed">Why there is no completion in it.</param>
    /// <exception cref="JsonException">Not JSON, or not of the format.</exception>
    public virtual PooledBytes? ReadCompletion(PooledBytes answer, UpstreamAddress address, out UpstreamError? failed)
    {
        failed = null;
        return answer;
    }

    /// <summary>The same format, but without what the upstream refused of what was carried from earlier answers; null where that is not why.</summary>
    public virtual ChatFormat? Without(UpstreamError error) => null;

    /// <summary>The caller's name of a field that the upstream refused by its own.</summary>
    public virtual string FieldOf(string field) => field;

    /// <summary>What turns the events of one stream into chunks; null where they are chunks already.</summary>
    public virtual ChunkTranslator? TranslateStream(UpstreamAddress address) => null;
}
