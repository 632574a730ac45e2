using ScaiGrid.Inference.Audio;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Providers;

/// <summary>Text to speech at one backend. Shared by all calls, without state.</summary>
public interface ISpeechUpstream
{
    /// <summary>Sends the caller's request, in OpenAI's format, and returns when the audio begins.</summary>
    Task<SpeechReply> SendAsync(JsonRequest request, ModelRoute route, CallDeadline deadline);
}

/// <summary>Speech to text at one backend. Shared by all calls, without state.</summary>
public interface ITranscriptionUpstream
{
    /// <summary>Sends the caller's recording.</summary>
    /// <returns>OpenAI's document in the requested response format, which is not JSON for text, srt and vtt.</returns>
    Task<DocumentReply> SendAsync(TranscriptionRequest request, ModelRoute route, CallDeadline deadline);
}

/// <summary>An upstream's answer: audio that is being received, or an error.</summary>
/// <param name="Body">The audio; null with an error.</param>
/// <param name="ContentType">The audio's content type.</param>
/// <param name="Error">The reason if there is no audio.</param>
/// <param name="Owner">The owner of <paramref name="Body"/>; disposed after it.</param>
public sealed record SpeechReply(Stream? Body, string ContentType, UpstreamError? Error, IDisposable? Owner) : IAsyncDisposable
{
    /// <summary>The usage reported by the upstream; null if it reports none.</summary>
    public TokenUsage? Usage { get; init; }

    public static SpeechReply Failed(UpstreamError error) => new(null, "", error, null);

    public async ValueTask DisposeAsync()
    {
        if (Body is not null)
        {
            await Body.DisposeAsync();
        }

        Owner?.Dispose();
    }
}
