using System.Buffers;
using System.Collections.Frozen;
using System.Text.Json;
using ScaiGrid.Core;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Inference.Moderations;

/// <summary>
/// Classifies texts by harmful content, in OpenAI's format. Its models are listed as chat models because moderation has no modality of its own.
/// </summary>
internal sealed class ModerationOperation(DocumentPipeline pipeline, TimeProvider time) : IJsonOperation
{
    private static readonly DocumentOperation Definition = new("moderations", "chat", clients => clients.Moderations, Bounds, Meter);

    private static readonly JsonRequestReader Requests = new(
        new Dictionary<string, FieldRule>
        {
            ["model"] = FieldRule.Text,
            ["input"] = new(FieldKind.TextOrArray, "must be a string or an array."),
        }.ToFrozenDictionary(),
        "model",
        "input");

    public async Task<Problem?> RunAsync(PooledBytes body, CallContext context, IBufferWriter<byte> answer, CancellationToken callerGone)
    {
        using var request = Requests.Read(body, check: null, out var problem);
        if (request is null)
        {
            return problem;
        }

        using var call = new DocumentCall { Context = context, Request = request, Definition = Definition };
        problem = await pipeline.RunAsync(call, callerGone);
        if (problem is null)
        {
            Write(answer, call);
        }

        return problem;
    }

    private static CallBounds Bounds(JsonRequest request, ModelRoute route, int unboundedOutput) => OperationBounds.Text(request["input"].Length, route);

    // Upstreams report no tokens for moderation, and most charge nothing.
    private static MeteredUsage Meter(JsonRequest request, ReadOnlyMemory<byte> json)
    {
        var document = AnswerDocument.Read(json, "results"u8);
        return document.Usage is { } usage
            ? new MeteredUsage(usage, IsEstimated: false)
            : new MeteredUsage(new TokenUsage(TokenCounter.CountText(request["input"]), Completion: 0), IsEstimated: true);
    }

    private void Write(IBufferWriter<byte> answer, DocumentCall call)
    {
        using var writer = new Utf8JsonWriter(answer);
        writer.WriteStartObject();
        writer.WriteString("id"u8, Ids.New("modr", time));
        writer.WriteString("model"u8, call.Route.Slug);
        writer.WritePropertyName("results"u8);
        writer.WriteRawValue(AnswerDocument.Read(call.Document.Memory, "results"u8).Data.Span);
        writer.WriteEndObject();
    }
}
