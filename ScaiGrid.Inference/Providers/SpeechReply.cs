using ScaiGrid.Inference.Metering;

namespace ScaiGrid.Inference.Providers;

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
