using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Translation;

/// <summary>Speech that comes inside a document.</summary>
internal static class SpeechDocument
{
    /// <param name="answer">The upstream's.</param>
    /// <param name="read">Makes speech of an object; null where it holds none.</param>
    public static SpeechReply Read(PooledBytes answer, Func<JsonElement, SpeechReply?> read)
    {
        SpeechReply? speech = null;
        try
        {
            using var document = JsonDocument.Parse(answer.Memory);
            speech = document.RootElement.ValueKind == JsonValueKind.Object ? read(document.RootElement) : null;
        }
        catch (JsonException)
        {
            // Said below, with the other ways of having none.
        }

        return speech ?? SpeechReply.Failed(new UpstreamError(UpstreamFailure.ShapeMismatch, "The upstream's answer has no audio."));
    }

    /// <summary>The property's bytes, where it is there and base64.</summary>
    public static bool TryGetBytes(JsonElement owner, ReadOnlySpan<byte> name, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;
        return owner.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.TryGetBytesFromBase64(out bytes);
    }
}
