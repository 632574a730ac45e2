using System.Globalization;
using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Google;

/// <summary>
/// Images from Imagen (<c>predict</c>, up to four) or a Gemini image model (<c>generateContent</c>, one image per call). Both take aspect ratios instead of
/// sizes: the nearest one is used.
/// </summary>
internal sealed class GoogleImages(UpstreamEndpoint predict, UpstreamEndpoint generate, string model) : IDocumentUpstream
{
    private static readonly string[] ImagenProportions = ["1:1", "3:4", "4:3", "9:16", "16:9"];
    private static readonly string[] GeminiProportions = [.. ImagenProportions, "2:3", "3:2", "4:5", "5:4", "21:9"];

    private readonly bool _isImagen = model.StartsWith("imagen", StringComparison.Ordinal);

    private int MostPictures => _isImagen ? 4 : 1;

    public async Task<DocumentReply> SendAsync(JsonRequest request, ModelRoute route, CallDeadline deadline)
    {
        if (request.WholeNumber("n", route) > MostPictures)
        {
            return DocumentReply.Failed(UpstreamError.Unsupported("n", $"must be at most {MostPictures} for this upstream."));
        }

        using var body = _isImagen ? WritePrediction(request, route) : WriteGeneration(request, route);
        var reply = await (_isImagen ? predict : generate).PostJsonAsync(body, deadline);
        return reply.Document is { } document ? (_isImagen
            ? GoogleDocuments.Translate(document, WritePredictions, WhyNoPrediction)
            : GoogleDocuments.Translate(document, WritePictures, WhyNoPicture)) : reply;
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
        GoogleDocuments.BeginGeneration(writer, request.Text("prompt") ?? "", "TEXT", "IMAGE");
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

    private static IEnumerable<JsonElement> Predictions(JsonElement answer) =>
        answer.Items("predictions"u8).Where(prediction => prediction.TryGetString("bytesBase64Encoded"u8, out _));

    // If the filter removed all images, the list is missing or has the reasons only.
    private static UpstreamError? WhyNoPrediction(JsonElement answer) => Predictions(answer).Any() ? null : UpstreamError.ContentRefused;

    private static void WritePredictions(Utf8JsonWriter writer, JsonElement answer)
    {
        foreach (var prediction in Predictions(answer))
        {
            WritePicture(writer, prediction, "bytesBase64Encoded"u8);
        }
    }

    private static IEnumerable<JsonElement> Pictures(JsonElement answer) => answer.Items("candidates"u8).SelectMany(candidate =>
    {
        // Images marked as thoughts are drafts, which are dropped. If all are marked, the last one is the result.
        var parts = candidate.TryGetObject("content"u8, out var content) ? content.Items("parts"u8).Where(part => part.TryGetObject("inlineData"u8, out _)).ToList() : [];
        var finished = parts.FindAll(part => !part.TryGetProperty("thought"u8, out var thought) || thought.ValueKind != JsonValueKind.True);
        return (finished.Count > 0 ? finished : parts.TakeLast(1)).Select(part => part.GetProperty("inlineData"u8));
    });

    private static UpstreamError? WhyNoPicture(JsonElement answer) => Pictures(answer).Any() ? null : GoogleFinish.WhyWithout("a picture", answer);

    private static void WritePictures(Utf8JsonWriter writer, JsonElement answer)
    {
        foreach (var picture in Pictures(answer))
        {
            WritePicture(writer, picture, "data"u8);
        }
    }

    private static void WritePicture(Utf8JsonWriter writer, JsonElement picture, ReadOnlySpan<byte> name)
    {
        writer.WriteStartObject();
        picture.CopyTo(writer, name, "b64_json"u8);
        writer.WriteEndObject();
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
