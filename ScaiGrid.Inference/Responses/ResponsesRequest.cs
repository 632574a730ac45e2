using System.Collections.Frozen;
using System.Text.Json;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Responses;

/// <summary>
/// A request of OpenAI's Responses API, and the chat request that it is translated to. No state is kept between calls: <c>input</c> holds the
/// whole conversation, including reasoning, and tools are the caller's functions.
/// </summary>
internal sealed class ResponsesRequest : IDisposable
{
    private static readonly JsonRequestReader Requests = new(
        new Dictionary<string, FieldRule>
        {
            ["model"] = FieldRule.Text,
            ["input"] = new(FieldKind.TextOrArray, "must be a string or an array of items."),
            ["instructions"] = FieldRule.Text,
            ["max_output_tokens"] = FieldRule.Integer(1, int.MaxValue),
            ["temperature"] = FieldRule.Number(0, 2),
            ["top_p"] = FieldRule.Number(0, 1),
            ["stream"] = FieldRule.Flag,
            ["store"] = FieldRule.Flag,
            ["background"] = FieldRule.Flag,
            ["parallel_tool_calls"] = FieldRule.Flag,
            ["tools"] = new(FieldKind.Array, "must be an array."),
            ["tool_choice"] = new(FieldKind.TextOrObject, "must be a string or an object."),
            ["text"] = FieldRule.Object,
            ["reasoning"] = FieldRule.Object,
            ["metadata"] = FieldRule.Object,
            ["user"] = FieldRule.Text,
        }.ToFrozenDictionary(),
        "model",
        "input");

    private readonly JsonRequest _given;

    private ResponsesRequest(JsonRequest given, ChatRequest chat, ToolNamespaces namespaces) => (_given, Chat, Namespaces) = (given, chat, namespaces);

    /// <summary>The chat request that the pipeline runs.</summary>
    public ChatRequest Chat { get; }

    /// <summary>The namespaces of the chat request's functions.</summary>
    public ToolNamespaces Namespaces { get; }

    /// <summary>The raw value of a field that the response repeats; empty if the caller did not send it.</summary>
    public ReadOnlyMemory<byte> this[string name] => _given[name];

    /// <param name="body">The request body. The result owns it; if there is a problem it is disposed.</param>
    /// <param name="problem">The problem with the request, if any.</param>
    /// <returns>Null if there is a problem.</returns>
    public static ResponsesRequest? Read(PooledBytes body, out Problem? problem)
    {
        var given = Requests.Read(body, Check, out problem);
        if (given is null)
        {
            return null;
        }

        var mistakes = new Mistakes();
        var namespaces = new ToolNamespaces();
        var carried = new List<CarriedField>();
        var chatBody = ChatTranslation.Write(given, namespaces, carried, mistakes);
        if (mistakes.Count > 0)
        {
            chatBody.Dispose();
            problem = new Problem(CoreErrors.Validation, Details: mistakes);
        }
        else if (ChatRequestReader.Read(chatBody, out problem) is { } chat)
        {
            (chat.Carried, chat.IsLimitTranslated) = (carried, given.Has("max_output_tokens"));
            return new ResponsesRequest(given, chat, namespaces);
        }
        else
        {
            problem = ChatFields.InCallersWords(problem!, namespaces);
        }

        given.Dispose();
        return null;
    }

    public void Dispose()
    {
        Chat.Dispose();
        _given.Dispose();
    }

    private static void Check(JsonRequest request, Mistakes mistakes)
    {
        foreach (var name in (ReadOnlySpan<string>)["previous_response_id", "conversation", "prompt"])
        {
            if (request.Has(name))
            {
                mistakes.Add(new ErrorDetail(name, "is not supported: nothing is stored here, so send the whole conversation in input."));
            }
        }

        if (IsEmptyArray(request["input"].Span) && request.Text("instructions") is not { Length: > 0 })
        {
            mistakes.Add(new ErrorDetail("input", "must have at least one item."));
        }

        foreach (var name in (ReadOnlySpan<string>)["top_logprobs", "include"])
        {
            if (request.Has(name) && AsksForLogprobs(request[name]))
            {
                mistakes.Add(new ErrorDetail(name, "asks for log probabilities, which only chat completions return."));
            }
        }

        if (request.IsTrue("background"))
        {
            mistakes.Add(new ErrorDetail("background", "is not supported; use a batch."));
        }
    }

    private static bool AsksForLogprobs(ReadOnlyMemory<byte> json)
    {
        using var document = JsonDocument.Parse(json);
        var asked = document.RootElement;
        return asked.ValueKind == JsonValueKind.Array
            ? asked.EnumerateArray().Any(item => item.ValueKind == JsonValueKind.String && JsonText.Of(item) == "message.output_text.logprobs")
            : asked.ValueKind == JsonValueKind.Number && asked.GetDouble() != 0;
    }

    private static bool IsEmptyArray(ReadOnlySpan<byte> json) => json is [(byte)'[', .. var inner, (byte)']'] && inner.Trim(" \t\r\n"u8).IsEmpty;
}
