using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Providers;

/// <summary>
/// A client of one backend for an operation with a JSON request and a JSON answer, both in OpenAI's format: embeddings, images, moderations.
/// Shared by all calls, without state.
/// </summary>
public interface IDocumentUpstream
{
    /// <param name="request">The caller's request.</param>
    /// <param name="route">The requested frontend model.</param>
    /// <param name="deadline">Cancelled when the caller disconnects, and by the call's timeouts.</param>
    Task<DocumentReply> SendAsync(JsonRequest request, ModelRoute route, CallDeadline deadline);
}
