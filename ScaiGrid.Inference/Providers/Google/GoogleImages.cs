using System.Globalization;
using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Google;

/// <summary>
/// Images from Imagen (<c>predict</c>) or a Gemini image model (<c>generateContent</c>, one image per call). Both take aspect ratios instead of
/// sizes: the nearest one is used.
/// </summary>
internal sealed class GoogleImages(UpstreamEndpoint predict, UpstreamEndpoint generate, string model) : IDocumentUpstream
{
    private static readonly string[] ImagenProportions = ["1:1", "3:4", "4:3", "9:16", "16:9"];
    private static readonly string[] GeminiProportions = [.. ImagenProportions, "2:3", "3:2", "4:5", "5:4", "21:9"];

    private readonly bool _isImagen = model.StartsWith("imagen", StringComparison.Ordinal);

    public async Task<DocumentReply> SendAsync(JsonRequest request, ModelRoute route, CallDeadline deadline)
    {
        if (!_isImagen && request.WholeNumber("n", route) is > 1)
        {
            return DocumentReply.Failed(UpstreamError.Unsupported("n", "the upstream makes one picture a call."));
        }

        using var body = _isImagen ? WritePrediction(request, route) : WriteGeneration(request, route);
        var reply = await (_isImagen ? predict : generate).PostJsonAsync(body, deadline);
        return reply.Document is { } document ? GoogleDocuments.Translate(document, _isImagen ? TranslatePredictions : TranslateParts) : reply;
    }

    private static PooledBytes WritePrediction(JsonRequest request, ModelRoute route)
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
        writer.WriteNumber("sampleCount"u8, request.WholeNumber("n", route) ?? 1);
        if (ProportionOf(request.Text("size", route), ImagenProportions) is { } proportion)
        {
            writer.WriteString("aspectRatio"u8, proportion);
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.Flush();
        return body;
    }

    private static PooledBytes WriteGeneration(JsonRequest request, ModelRoute route)
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
        if (ProportionOf(request.Text("size", route), GeminiProportions) is { } proportion)
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
        // Missing if the filter removed all images: then there is nothing to bill, and the call fails for lack of images.
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

            // Images marked as thoughts are drafts, which are dropped. If all are marked, the last one is the result.
            var pictures = parts.EnumerateArray().Where(part => part.TryGetProperty("inlineData"u8, out _)).ToList();
            var finished = pictures.FindAll(part => !part.TryGetProperty("thought"u8, out var thought) || thought.ValueKind != JsonValueKind.True);
            foreach (var part in finished.Count > 0 ? finished : pictures.TakeLast(1))
            {
                writer.WriteStartObject();
                writer.WriteString("b64_json"u8, part.GetProperty("inlineData"u8).GetProperty("data"u8).GetString());
                writer.WriteEndObject();
            }
        }
    }

    private static string? ProportionOf(string? size, string[] proportions)
    {
        var sides = (size ?? "").Split('x');
        if (sides.Length != 2
            || !int.TryParse(sides[0], CultureInfo.InvariantCulture, out var width) || width <= 0
            || !int.TryParse(sides[1], CultureInfo.InvariantCulture, out var height) || height <= 0)
        {
            return null;
        }

        return proportions.MinBy(proportion => Math.Abs(Math.Log(ValueOf(proportion) * height / width)));
    }

    private static double ValueOf(string proportion)
    {
        var sides = proportion.Split(':');
        return double.Parse(sides[0], CultureInfo.InvariantCulture) / double.Parse(sides[1], CultureInfo.InvariantCulture);
    }
}
