using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Providers;

/// <summary>The chat client of one backend. Shared by all calls, without state.</summary>
public interface IChatUpstream
{
    /// <summary>
    /// Sends one request and returns when the upstream has answered: with a whole completion, with the start of a stream, or with a failure.
    /// </summary>
    /// <param name="request">The caller's request.</param>
    /// <param name="route">The requested frontend model.</param>
    /// <param name="deadline">Cancelled when the caller disconnects, and by the call's timeouts.</param>
    Task<ChatReply> SendAsync(ChatRequest request, ModelRoute route, CallDeadline deadline);
}
