using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using ScaiGrid.Core;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Inference.Surfaces;

namespace ScaiGrid.Inference.Responses;

/// <summary>Answers a Responses call with the chat model's answer: a <c>response</c> object, or the events that build it.</summary>
internal sealed class ResponsesResponder(HttpContext context, ResponsesRequest request, TimeProvider time)
    : HttpChatResponder(context, time)
{
    private readonly ResponseDocument _document = new(request, Ids.New("resp", time), time.GetUtcNow().ToUnixTimeSeconds());
    private readonly SplitPairs _pairs = new();

    private ResponseEvents? _events;
    private ResponseOutput _output = new(time, request.Namespaces);

    /// <summary>False because events are numbered.</summary>
    protected override bool WritesAlike => false;

    /// <summary>Empty: the last event identifies itself, and OpenAI sends no other end marker.</summary>
    protected override ReadOnlySpan<byte> EndMark => default;

    protected override void WriteCompletion(IBufferWriter<byte> body, ChunkView completion, CallResult result)
    {
        var choice = ChatAnswer.Parse(completion.Json).Choices[0];
        _output = ResponseOutput.Of(choice, CarriedField.MakerOf(result.Backend.Model), Time, request.Namespaces);
        using var writer = new Utf8JsonWriter(body);
        _document.Write(writer, result.Model.Slug, _output.Status, _output, result.Usage);
    }

    protected override void WriteChunk(IBufferWriter<byte> body, ChunkView chunk)
    {
        var events = Begin(body);
        if (!chunk.HasChoices)
        {
            return;
        }

        foreach (var choice in _pairs.Join(ChatAnswer.Parse(chunk.Json)).Choices.Where(choice => choice.Index == 0))
        {
            events.Add(body, choice);
        }
    }

    protected override void WriteEnd(IBufferWriter<byte> body, CallResult result)
    {
        var events = Begin(body);
        events.EndItems(body);
        if (_output.Failure is { } failure)
        {
            events.WriteError(body, failure);
        }

        events.Write(body, $"response.{_output.Status}", writer => WriteResponse(writer, _output.Status, result));
    }

    // Some clients detect a failed response by this event, others by the next one.
    protected override void WriteError(IBufferWriter<byte> body, Problem problem)
    {
        var events = Begin(body);
        problem = ChatFields.InCallersWords(problem, request.Namespaces);
        events.WriteError(body, problem);
        events.Write(body, "response.failed", writer =>
        {
            writer.WritePropertyName("response"u8);
            _document.Write(writer, Model.Slug, "failed", output: null, usage: null, problem);
        });
    }

    private ResponseEvents Begin(IBufferWriter<byte> body)
    {
        if (_events is null)
        {
            _events = new ResponseEvents(_output, CarriedField.MakerOf(Backend.Model));
            _events.Write(body, "response.created", writer => WriteResponse(writer, "in_progress", result: null));
            _events.Write(body, "response.in_progress", writer => WriteResponse(writer, "in_progress", result: null));
        }

        return _events;
    }

    private void WriteResponse(Utf8JsonWriter writer, string status, CallResult? result)
    {
        writer.WritePropertyName("response"u8);
        _document.Write(writer, Model.Slug, status, result is null ? null : _output, result?.Usage);
    }
}
