using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Inference.Completions;

/// <summary>Answers a completion call with the chat model's answer as <c>choices[].text</c>, on both surfaces.</summary>
internal sealed class CompletionResponder(HttpContext context, TimeProvider time, string protocol, bool includeUsage)
    : HttpChatResponder(context, time)
{
    private readonly long _created = time.GetUtcNow().ToUnixTimeSeconds();
    private readonly SplitPairs _pairs = new();
    private string _id = "";

    protected override bool WritesAlike => !_pairs.HoldsHalf;

    protected override void WriteCompletion(IBufferWriter<byte> body, ChunkView completion, CallResult result) =>
        CompletionDocument.Write(body, completion, result, protocol);

    protected override void WriteChunk(IBufferWriter<byte> body, ChunkView chunk)
    {
        if (!chunk.HasChoices)
        {
            return;
        }

        var answer = _pairs.Join(ChatAnswer.Parse(chunk.Json));
        _id = answer.Id;
        ChatChoice[] said = [.. answer.Choices.Where(choice => (choice.Content + choice.Refusal).Length > 0 || choice.FinishReason is not null)];
        if (said.Length == 0)
        {
            return;
        }

        body.Write("data: "u8);
        using (var writer = new Utf8JsonWriter(body))
        {
            writer.WriteStartObject();
            CompletionDocument.WriteHead(writer, _id, _created, Model);
            CompletionDocument.WriteChoices(writer, said);
            writer.WriteEndObject();
        }

        body.Write("\n\n"u8);
    }

    protected override void WriteEnd(IBufferWriter<byte> body, CallResult result)
    {
        if (protocol != Protocols.Native && !includeUsage)
        {
            return;
        }

        body.Write("data: "u8);
        using (var writer = new Utf8JsonWriter(body))
        {
            writer.WriteStartObject();
            CompletionDocument.WriteHead(writer, _id, _created, result.Model);
            CompletionDocument.WriteChoices(writer, []);
            if (protocol == Protocols.Native)
            {
                UsageWriter.WriteNative(writer, result.Usage);
                RoutingJsonWriter.Write(writer, result);
            }
            else
            {
                UsageWriter.WriteOpenAi(writer, result.Usage);
            }

            writer.WriteEndObject();
        }

        body.Write("\n\n"u8);
    }

    protected override void WriteError(IBufferWriter<byte> body, Problem problem)
    {
        if (protocol == Protocols.Native)
        {
            StreamErrors.WriteNative(body, problem);
        }
        else
        {
            StreamErrors.WriteOpenAi(body, problem);
        }
    }
}
