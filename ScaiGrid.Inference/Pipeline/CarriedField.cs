using System.Security.Cryptography;
using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// A field of an earlier answer that a surface adds to the request for the model that produced it. Other models do not get it, since they
/// might reject it and the caller cannot know.
/// </summary>
/// <param name="Property">The property, with the comma before it.</param>
/// <param name="Maker">The model that produced it, as returned by <see cref="MakerOf(string)"/>.</param>
/// <param name="NamesProvider">True if its content is keyed by provider, so that a translation can pick its own part.</param>
internal readonly record struct CarriedField(JsonSpan Property, string Maker, bool NamesProvider)
{
    /// <summary>Identifies an upstream model without revealing its name to the caller.</summary>
    public static string MakerOf(string model) => MakerOf(JsonSerializer.SerializeToUtf8Bytes(model, CanonicalJson.Default.String));

    /// <param name="modelJson">The model's name, as a JSON string.</param>
    public static string MakerOf(ReadOnlySpan<byte> modelJson) => Convert.ToHexStringLower(SHA256.HashData(modelJson).AsSpan(0, 8));
}
