using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Providers;

/// <summary>Text to speech at one backend. Shared by all calls, without state.</summary>
public interface ISpeechUpstream
{
    /// <summary>Sends the caller's request, in OpenAI's format, and returns when the audio begins.</summary>
    Task<SpeechReply> SendAsync(JsonRequest request, ModelRoute route, CallDeadline deadline);
}
