using System.Globalization;
using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Google;

/// <summary>
/// Pictures by Imagen (<c>predict</c>) or by a Gemini model that paints (<c>generateContent</c>, one picture a call). Sizes are proportions
/// there: the nearest one is taken.
/// </summary>
internal sealed class GoogleImages(UpstreamEndpoint predict, UpstreamEndpoint generate, string model) : IDocumentUpstream
{
    private static readonly string[] Proportions = ["1:1", "3:4", "4:3", "9:16", "16:9"];

    private readonly bool _isImagen = model.StartsWith("imagen", StringComparison.Ordinal);

    public async Task<DocumentReply> SendAsync(JsonRequest request, ModelRoute route, CallActivity activity)
    {
        if (!_isImagen && request.WholeNumber("n") is > 1)
        {
            return DocumentReply.Failed(UpstreamError.Unsupported("n", "the upstream makes one picture a call."));
        }

        using var body = _isImagen ? WritePrediction(request) : WriteGeneration(request);
        var reply = await (_isImagen ? predict : generate).PostJsonAsync(body, activity);
        return reply.Document is { } document ? GoogleDocuments.Translate(document, _isImagen ? TranslatePredictions : TranslateParts) : reply;
    }

    private static PooledBytes WritePrediction(JsonRequest request)
    {
        var body = new PooledBytes();
        using var writer = new Utf8JsonWriter(body);
        writer.WriteStartObject();
        writer.WriteStartArray("instances"u8);
        writer.WriteStartObject();
        writer.WriteString("prompt"u8, request.Text("prompt"));
        writer.WriteEndObject();
        writer.WriteEndArray();
        writer.WriteStartObject("parameters"u8);
        writer.WriteNumber("sampleCount"u8, request.WholeNumber("n") ?? 1);
        if (ProportionOf(request) is { } proportion)
        {
            writer.WriteString("aspectRatio"u8, proportion);
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.Flush();
        return body;
    }

    private static PooledBytes WriteGeneration(JsonRequest request)
    {
        var body = new PooledBytes();
        using var writer = new Utf8JsonWriter(body);
        writer.WriteStartObject();
        writer.WriteStartArray("contents"u8);
        writer.WriteStartObject();
        GoogleDocuments.WriteParts(writer, request.Text("prompt") ?? "");
        writer.WriteEndObject();
        writer.WriteEndArray();
        writer.WriteStartObject("generationConfig"u8);
        writer.WriteStartArray("responseModalities"u8);
        writer.WriteStringValue("TEXT"u8);
        writer.WriteStringValue("IMAGE"u8);
        writer.WriteEndArray();
        if (ProportionOf(request) is { } proportion)
        {
            writer.WriteStartObject("imageConfig"u8);
            writer.WriteString("aspectRatio"u8, proportion);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.Flush();
        return body;
    }

    private static void TranslatePredictions(Utf8JsonWriter writer, JsonElement answer)
    {
        // None at all when the filter took them: then there is nothing to bill, and the call fails as one without pictures.
        if (answer.TryGetProperty("predictions"u8, out var predictions))
        {
            foreach (var prediction in predictions.EnumerateArray().Where(one => one.TryGetProperty("bytesBase64Encoded"u8, out _)))
            {
                writer.WriteStartObject();
                writer.WriteString("b64_json"u8, prediction.GetProperty("bytesBase64Encoded"u8).GetString());
                writer.WriteEndObject();
            }
        }
    }

    private static void TranslateParts(Utf8JsonWriter writer, JsonElement answer)
    {
        foreach (var candidate in answer.GetProperty("candidates"u8).EnumerateArray())
        {
            if (!candidate.TryGetProperty("content"u8, out var content) || !content.TryGetProperty("parts"u8, out var parts))
            {
                continue;
            }

            foreach (var part in parts.EnumerateArray().Where(part => part.TryGetProperty("inlineData"u8, out _)))
            {
                writer.WriteStartObject();
                writer.WriteString("b64_json"u8, part.GetProperty("inlineData"u8).GetProperty("data"u8).GetString());
                writer.WriteEndObject();
            }
        }
    }

    private static string? ProportionOf(JsonRequest request)
    {
        var sides = (request.Text("size") ?? "").Split('x');
        if (sides.Length != 2
            || !int.TryParse(sides[0], CultureInfo.InvariantCulture, out var width) || width <= 0
            || !int.TryParse(sides[1], CultureInfo.InvariantCulture, out var height) || height <= 0)
        {
            return null;
        }

        return Proportions.MinBy(proportion => Math.Abs(Math.Log(ValueOf(proportion) * height / width)));
    }

    private static double ValueOf(string proportion)
    {
        var sides = proportion.Split(':');
        return double.Parse(sides[0], CultureInfo.InvariantCulture) / double.Parse(sides[1], CultureInfo.InvariantCulture);
    }
}
