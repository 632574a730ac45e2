using System.Buffers;
using System.Collections.Frozen;
using System.Text.Json;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Inference.Embeddings;

/// <summary>Embeddings: one vector for each text or token list, in the encoding that the caller asked for, regardless of the upstream's.</summary>
public sealed class EmbeddingOperation : IJsonOperation
{
    internal const int MaxItems = 2048;

    private static readonly DocumentOperation Definition = new("embeddings", "embedding", clients => clients.Embeddings, Bounds, Meter, Inputs: EmbeddingInput.Count);

    private static readonly JsonRequestReader Requests = new(
        new Dictionary<string, FieldRule>
        {
            ["model"] = FieldRule.Text,
            ["input"] = new(FieldKind.TextOrArray, "must be a string or an array."),
            ["dimensions"] = FieldRule.Integer(1, 1_000_000),
            ["encoding_format"] = FieldRule.OneOf("float", "base64"),
            ["user"] = FieldRule.Text,
        }.ToFrozenDictionary(),
        "model",
        "input");

    private readonly DocumentPipeline _pipeline;

    internal EmbeddingOperation(DocumentPipeline pipeline) => _pipeline = pipeline;

    public async Task<Problem?> RunAsync(PooledBytes body, CallContext context, IBufferWriter<byte> answer, CancellationToken callerGone)
    {
        using var request = Requests.Read(body, EmbeddingInput.Check, out var problem);
        if (request is null)
        {
            return problem;
        }

        using var call = new DocumentCall { Context = context, Request = request, Definition = Definition };
        problem = await _pipeline.RunAsync(call, callerGone);
        if (problem is null)
        {
            Write(answer, call, context.Protocol == Protocols.OpenAi);
        }

        return problem;
    }

    private static CallBounds Bounds(JsonRequest request, ModelRoute route, int unboundedOutput) => OperationBounds.Text(request["input"].Length, route);

    private static MeteredUsage Meter(JsonRequest request, ReadOnlyMemory<byte> json)
    {
        var document = AnswerDocument.Read(json, "data"u8);
        EmbeddingVectors.Check(document.Data.Span, EmbeddingInput.Count(request), AsBase64(request));
        return document.Usage is { Prompt: > 0 } usage
            ? new MeteredUsage(usage, IsEstimated: false)
            : new MeteredUsage(new TokenUsage(EmbeddingInput.CountTokens(request), Completion: 0), IsEstimated: true);
    }

    private static bool AsBase64(JsonRequest request) => request["encoding_format"].Span.SequenceEqual("\"base64\""u8);

    private static void Write(IBufferWriter<byte> answer, DocumentCall call, bool isOpenAi)
    {
        var data = AnswerDocument.Read(call.Document.Memory, "data"u8).Data;
        using var writer = new Utf8JsonWriter(answer);
        if (isOpenAi)
        {
            writer.WriteStartObject();
            writer.WriteString("object"u8, "list"u8);
        }
        else
        {
            DocumentWriter.BeginData(writer);
        }

        writer.WriteString("model"u8, call.Route.Slug);
        writer.WritePropertyName("data"u8);
        EmbeddingVectors.Write(writer, data, AsBase64(call.Request), withType: isOpenAi);
        if (isOpenAi)
        {
            writer.WriteStartObject("usage"u8);
            writer.WriteNumber("prompt_tokens"u8, call.Result.Usage.Prompt);
            writer.WriteNumber("total_tokens"u8, call.Result.Usage.Total);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        else
        {
            DocumentWriter.EndData(writer, call.Result);
        }
    }
}
