using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Translation;

/// <summary>Reads speech that is embedded in a document.</summary>
internal static class SpeechDocument
{
    /// <param name="answer">The upstream's answer.</param>
    /// <param name="read">Reads the speech from an object; null if it contains none.</param>
    public static SpeechReply Read(PooledBytes answer, Func<JsonElement, SpeechReply?> read)
    {
        SpeechReply? speech = null;
        try
        {
            using var document = JsonDocument.Parse(answer.Memory);
            speech = document.RootElement.ValueKind == JsonValueKind.Object ? read(document.RootElement) : null;
        }
        catch (Exception exception) when (JsonText.IsUnreadable(exception))
        {
            // Reported below, like the other ways of having no speech.
        }

        return speech ?? SpeechReply.Failed(new UpstreamError(UpstreamFailure.ShapeMismatch, "The upstream's answer has no audio."));
    }

    /// <summary>Decodes a property if it exists and is base64.</summary>
    public static bool TryGetBytes(JsonElement owner, ReadOnlySpan<byte> name, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;
        return owner.TryGetString(name, out var value) && value.TryGetBytesFromBase64(out bytes);
    }
}
