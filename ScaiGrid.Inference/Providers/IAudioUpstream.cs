using ScaiGrid.Inference.Audio;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Providers;

/// <summary>Text to speech at one backend. Shared by all calls; holds no state of any.</summary>
public interface ISpeechUpstream
{
    /// <summary>Sends the caller's request, in OpenAI's format, and returns when the audio begins.</summary>
    Task<SpeechReply> SendAsync(JsonRequest request, ModelRoute route, CallDeadline deadline);
}

/// <summary>Speech to text at one backend. Shared by all calls; holds no state of any.</summary>
public interface ITranscriptionUpstream
{
    /// <summary>Sends the caller's recording.</summary>
    /// <returns>OpenAI's document of the response format, which is no JSON for text, srt and vtt.</returns>
    Task<DocumentReply> SendAsync(TranscriptionRequest request, ModelRoute route, CallDeadline deadline);
}

/// <summary>How an upstream answered: audio that comes, or an error.</summary>
/// <param name="Body">The audio; null with an error.</param>
/// <param name="ContentType">Of the audio.</param>
/// <param name="Error">Why there is none.</param>
/// <param name="Owner">What <paramref name="Body"/> belongs to; disposed after it.</param>
public sealed record SpeechReply(Stream? Body, string ContentType, UpstreamError? Error, IDisposable? Owner) : IAsyncDisposable
{
    /// <summary>What the upstream says was used; null where it says nothing.</summary>
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
