using System.Net.Http.Headers;
using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers;

/// <summary>
/// Translates between OpenAI's chat completions, our format, and one upstream's wire format: bytes to bytes, no I/O. Shared by all
/// calls of a backend; the state of a stream is in its <see cref="ChunkTranslator"/>.
/// </summary>
internal abstract class ChatFormat
{
    /// <summary>Writes the upstream's request. The caller's bytes stay as they are, since another attempt may need them.</summary>
    /// <returns>Null if the upstream's format does not support the request.</returns>
    public abstract PooledBytes? WriteRequest(ChatRequest request, ModelRoute route, out UpstreamError? refused);

    /// <summary>Adds headers that depend on the request's content (the backend's own headers are already set).</summary>
    /// <param name="headers">The request's headers.</param>
    /// <param name="request">The upstream's request, as written.</param>
    public virtual void AddHeaders(HttpRequestHeaders headers, PooledBytes request)
    {
    }

    /// <summary>Translates a whole answer into a <c>chat.completion</c>, and owns the answer. Returns the same bytes if the format is ours.</summary>
    /// <param name="answer">The upstream's answer.</param>
    /// <param name="address">The upstream's address.</param>
    /// <param name="failed">The reason, if the answer has no completion.</param>
    /// <exception cref="JsonException">Not JSON, or not of the format.</exception>
    public virtual PooledBytes? ReadCompletion(PooledBytes answer, UpstreamAddress address, out UpstreamError? failed)
    {
        failed = null;
        return answer;
    }

    /// <summary>The format to retry with if the upstream rejected fields carried from earlier answers; null if that is not the cause.</summary>
    public virtual ChatFormat? Without(UpstreamError error) => null;

    /// <summary>The caller's name for a field that the upstream rejected under its own name.</summary>
    public virtual string FieldOf(string field) => field;

    /// <summary>Creates the translator from a stream's events to chunks; null if the events already are chunks.</summary>
    public virtual ChunkTranslator? TranslateStream(UpstreamAddress address) => null;
}
