using System.Buffers;
using System.Collections.Frozen;
using System.Text.Json;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Inference.Images;

/// <summary>Images from a prompt, as base64 or as our links: whichever the caller asked for, regardless of the upstream's format.</summary>
internal sealed class ImageOperation(DocumentPipeline pipeline, ImageAnswers answers) : IJsonOperation
{
    private static readonly DocumentOperation Definition = new("image_generation", "image", clients => clients.Images, Bounds, Meter, Pieces);

    internal static readonly FrozenDictionary<string, FieldRule> Rules = new Dictionary<string, FieldRule>
    {
        ["model"] = FieldRule.Text,
        ["prompt"] = FieldRule.Text,
        ["n"] = FieldRule.Integer(1, 10),
        ["size"] = FieldRule.Text,
        ["quality"] = FieldRule.Text,
        ["style"] = FieldRule.Text,
        ["response_format"] = FieldRule.OneOf("url", "b64_json"),
        ["metadata"] = FieldRule.Object,
        ["stream"] = FieldRule.Flag,
        ["user"] = FieldRule.Text,
    }.ToFrozenDictionary();

    private static readonly JsonRequestReader Requests = new(Rules, "model", "prompt");

    public async Task<Problem?> RunAsync(PooledBytes body, CallContext context, IBufferWriter<byte> answer, CancellationToken callerGone)
    {
        using var request = Requests.Read(body, Check, out var problem);
        if (request is null)
        {
            return problem;
        }

        // A batch's results are read after it ends and kept for weeks: a link would have expired by then.
        var isBatch = context.Caller.Terms is not null;
        if (isBatch && request.Text("response_format") == "url")
        {
            return Problem.Invalid("response_format", "must be b64_json in a batch: links expire before its results are read.");
        }

        ImageAnswer? taken = null;
        using var call = new DocumentCall
        {
            Context = context,
            Request = request,
            Definition = Definition,
            Complete = async (made, deadline, caller) =>
            {
                var wanted = isBatch ? "b64_json" : request.Text("response_format", made.Route);
                (taken, var error) = await answers.TakeAsync(made, wanted, deadline, caller);
                return error;
            },
        };
        problem = await pipeline.RunAsync(call, callerGone);
        if (problem is null)
        {
            answers.Write(answer, call, taken!);
        }

        return problem;
    }

    private static void Check(JsonRequest request, Mistakes mistakes)
    {
        if (request["prompt"].Span.SequenceEqual("\"\""u8))
        {
            mistakes.Add(new ErrorDetail("prompt", "must not be empty."));
        }

        if (request.IsTrue("stream"))
        {
            mistakes.Add(new ErrorDetail("stream", "is not supported for images."));
        }
    }

    private static CallBounds Bounds(JsonRequest request, ModelRoute route, int unboundedOutput) =>
        OperationBounds.Generated(request["prompt"].Length, Pieces(request, route), route, unboundedOutput);

    private static long Pieces(JsonRequest request, ModelRoute route) => request.WholeNumber("n") ?? route.DefaultNumber("n") ?? 1;

    /// <summary>True if the upstream's filter removed the picture: xAI answers with its place, and with or without a link.</summary>
    public static bool IsRemoved(JsonElement picture) =>
        picture.ValueKind == JsonValueKind.Object && picture.TryGetProperty("respect_moderation"u8, out var isKept) && isKept.ValueKind == JsonValueKind.False;

    // Tokens if the upstream reports them; the image count always, for models priced per image.
    private static MeteredUsage Meter(JsonRequest request, ReadOnlyMemory<byte> json)
    {
        var document = AnswerDocument.Read(json, "data"u8);
        using var data = JsonDocument.Parse(document.Data);
        if (data.RootElement.EnumerateArray().Any(picture => picture.ValueKind != JsonValueKind.Object))
        {
            throw new JsonException("There is something else than pictures.");
        }

        // Why there are none, if so, is told when the images are taken.
        var pictures = data.RootElement.EnumerateArray().Count(picture => !IsRemoved(picture));
        return new MeteredUsage((document.Usage ?? default) with { Images = pictures }, IsEstimated: false);
    }
}
