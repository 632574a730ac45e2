using System.Security.Cryptography;
using System.Text.Json;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// A field of an earlier answer that a surface put into the request for the model that gave it: the caller cannot know whether another would
/// refuse it, which therefore does not get it.
/// </summary>
/// <param name="Property">The property, with the comma before it.</param>
/// <param name="Maker">The model that gave it, as <see cref="MakerOf(string)"/> says it.</param>
/// <param name="NamesProvider">Whether what is in it stands under its provider's name, so that a translation finds its own by itself.</param>
internal readonly record struct CarriedField(JsonSpan Property, string Maker, bool NamesProvider)
{
    /// <summary>Tells an upstream's model from others without naming it to the caller.</summary>
    public static string MakerOf(string model) => MakerOf(JsonSerializer.SerializeToUtf8Bytes(model, CanonicalJson.Default.String));

    /// <param name="modelJson">The model's name, as a JSON string.</param>
    public static string MakerOf(ReadOnlySpan<byte> modelJson) => Convert.ToHexStringLower(SHA256.HashData(modelJson).AsSpan(0, 8));
}
