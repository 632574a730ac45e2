using System.Collections.Frozen;
using System.Text.Json;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Completions;

/// <summary>Turns a completion request into a chat request with one user message; the caller's other fields are copied.</summary>
internal static class CompletionRequest
{
    private static readonly JsonRequestReader Requests = new(
        new Dictionary<string, FieldRule>
        {
            ["model"] = FieldRule.Text,
            ["prompt"] = new(FieldKind.TextOrArray, "must be a string."),
        }.ToFrozenDictionary(),
        "model",
        "prompt");

    // These have no counterpart in chat; ignoring one would answer a different question.
    private static readonly string[] Unsupported = ["best_of", "echo", "logprobs", "suffix"];

    /// <param name="body">The request body; disposed here.</param>
    /// <param name="problem">The problem with the request, if any.</param>
    /// <returns>Null if there is a problem.</returns>
    public static ChatRequest? Read(PooledBytes body, out Problem? problem)
    {
        using var request = Requests.Read(body, Check, out problem);
        if (request is null)
        {
            return null;
        }

        // The translation is as long as the body and lives as long as the call: it takes over the place among the large bodies.
        var chat = Translate(request);
        (chat.Lease, body.Lease) = (body.Lease, null);
        return ChatRequestReader.Read(chat, out problem);
    }

    private static void Check(JsonRequest request, Mistakes mistakes)
    {
        foreach (var name in Unsupported)
        {
            var value = request[name].Span;
            if (!value.IsEmpty && !value.SequenceEqual("false"u8) && !(name == "best_of" && value.SequenceEqual("1"u8)) && !value.SequenceEqual("\"\""u8))
            {
                mistakes.Add(new ErrorDetail(name, "is not supported: completions run on chat models."));
            }
        }

        using var prompt = JsonDocument.Parse(request["prompt"]);
        if (Prompt(prompt.RootElement) is null)
        {
            mistakes.Add(new ErrorDetail("prompt", "must be one string: lists of prompts and token numbers are not supported."));
        }
    }

    private static PooledBytes Translate(JsonRequest request)
    {
        var body = new PooledBytes(request["prompt"].Length + 1024);
        using var prompt = JsonDocument.Parse(request["prompt"]);
        using var writer = TranslationJson.Writer(body);
        writer.WriteStartObject();
        writer.WriteStartArray("messages"u8);
        writer.WriteStartObject();
        writer.WriteString("role"u8, "user"u8);
        writer.WriteRaw("content"u8, Prompt(prompt.RootElement)!.Value);
        writer.WriteEndObject();
        writer.WriteEndArray();
        foreach (var (name, value) in request.Fields)
        {
            if (name is not ("prompt" or "messages") && !Unsupported.Contains(name))
            {
                writer.WritePropertyName(name);
                writer.WriteRawValue(value.Span);
            }
        }

        writer.WriteEndObject();
        writer.Flush();
        return body;
    }

    private static JsonElement? Prompt(JsonElement prompt)
    {
        if (prompt.ValueKind == JsonValueKind.Array && prompt.GetArrayLength() == 1)
        {
            prompt = prompt[0];
        }

        return prompt.ValueKind == JsonValueKind.String ? prompt : null;
    }
}
