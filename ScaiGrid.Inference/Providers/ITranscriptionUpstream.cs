using ScaiGrid.Inference.Audio;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Providers;

/// <summary>Speech to text at one backend. Shared by all calls, without state.</summary>
public interface ITranscriptionUpstream
{
    /// <summary>Sends the caller's recording.</summary>
    /// <returns>OpenAI's document in the requested response format, which is not JSON for text, srt and vtt.</returns>
    Task<DocumentReply> SendAsync(TranscriptionRequest request, ModelRoute route, CallDeadline deadline);
}
