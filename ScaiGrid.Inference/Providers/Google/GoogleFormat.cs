using System.Text;
using System.Text.Json;
using ScaiGrid.Core;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Google;

/// <summary>Translates chat completions to generateContent and back.</summary>
internal sealed class GoogleFormat(GoogleModel model, TimeProvider time) : TranslatedFormat(model.Name)
{
    protected override PooledBytes Write(RequestDocument document) => GoogleRequest.Write(document, model);

    public override PooledBytes? ReadCompletion(PooledBytes answer, UpstreamAddress address, out UpstreamError? failed)
    {
        using (answer)
        {
            using var document = JsonDocument.Parse(answer.Memory);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                failed = new UpstreamError(UpstreamFailure.ShapeMismatch);
                return null;
            }

            return Read(root, out failed);
        }
    }

    public override ChunkTranslator TranslateStream(UpstreamAddress address) => new GoogleStream(address, time, ModelJson);

    /// <summary>A call's id: the upstream's, or one derived from the answer's id, because older models send none.</summary>
    internal static string CallId(JsonElement call, JsonElement answer, int number, TimeProvider time) =>
        JsonText.Of(call, "id"u8) is { Length: > 0 } id ? id
        : JsonText.Of(answer, "responseId"u8) is { Length: > 0 } response ? $"call_{response}_{number}"
        : Ids.New("call", time);

    /// <summary>The answer's id as a JSON string: the upstream's, or a generated one, because clients tell answers apart by it.</summary>
    internal static byte[] Id(JsonElement answer, TimeProvider time) =>
        answer.RawText("responseId"u8) is { Length: > 2 } id ? id.ToArray() : Encoding.ASCII.GetBytes($"\"{Ids.New("chatcmpl", time)}\"");

    private PooledBytes? Read(JsonElement answer, out UpstreamError? failed)
    {
        failed = null;
        using var completion = new CompletionWriter();
        completion.Start(Id(answer, time), Property(answer, "modelVersion"u8, ModelJson), time.GetUtcNow().ToUnixTimeSeconds());
        var count = 0;
        var calls = 0;
        bool hasAnswer = false, isUnexplained = false;
        foreach (var candidate in answer.Items("candidates"u8))
        {
            if (!ReadCandidate(completion, answer, candidate, count++, ref calls, ref hasAnswer, out failed))
            {
                return null;
            }

            isUnexplained |= GoogleFinish.IsUnexplained(candidate);
        }

        if (isUnexplained && !hasAnswer)
        {
            failed = GoogleFinish.NoAnswer;
            return null;
        }

        if (count == 0 && GoogleFinish.IsBlocked(answer))
        {
            completion.EndChoice(0, "content_filter");
        }
        else if (count == 0)
        {
            failed = new UpstreamError(UpstreamFailure.ShapeMismatch, "The upstream's answer has no candidates.");
            return null;
        }

        var usage = new GoogleUsage();
        usage.Add(answer);
        return completion.End(usage.Exists ? usage.Tokens : null);
    }

    private bool ReadCandidate(
        CompletionWriter completion, JsonElement answer, JsonElement candidate, int index, ref int calls, ref bool hasAnswer, out UpstreamError? failed)
    {
        string? signature = null;
        if (candidate.TryGetObject("content"u8, out var content))
        {
            foreach (var part in content.Items("parts"u8))
            {
                if (part.TryGetObject("functionCall"u8, out var call) && call.TryGetString("name"u8, out var name))
                {
                    completion.AddToolCall(
                        CallId(call, answer, calls++, time),
                        GoogleNames.Ours(name.Raw()),
                        call.TryGetObject("args"u8, out var args) ? args.Raw() : "{}"u8,
                        Carrier(JsonText.Of(part, "thoughtSignature"u8)));
                    continue;
                }

                signature = JsonText.Of(part, "thoughtSignature"u8) ?? signature;
                ReadText(completion, part);
            }
        }

        if (GoogleFinish.Of(candidate, completion.HasToolCalls, out failed) is not { } finish)
        {
            failed ??= new UpstreamError(UpstreamFailure.ShapeMismatch, "The upstream's answer does not say why it ended.");
            return false;
        }

        hasAnswer |= completion.HasToolCalls || completion.HasContent;
        completion.EndChoice(index, finish, Carrier(signature));
        return true;
    }

    private static void ReadText(CompletionWriter completion, JsonElement part)
    {
        if (!part.TryGetProperty("text"u8, out var text) || text.ValueKind != JsonValueKind.String)
        {
            return;
        }

        if (part.TryGetProperty("thought"u8, out var thought) && thought.ValueKind == JsonValueKind.True)
        {
            completion.AddReasoning(text);
        }
        else
        {
            completion.AddContent(text);
        }
    }

    // The signature belongs to the part that it came with, and must be sent back there.
    private static Action<Utf8JsonWriter>? Carrier(string? signature) => signature is null ? null : writer =>
    {
        writer.WriteStartObject("extra_content"u8);
        writer.WriteStartObject("google"u8);
        writer.WriteString("thought_signature"u8, signature);
        writer.WriteEndObject();
        writer.WriteEndObject();
    };

    internal static ReadOnlySpan<byte> Property(JsonElement owner, ReadOnlySpan<byte> name, ReadOnlySpan<byte> otherwise) =>
        owner.TryGetString(name, out var value) ? value.Raw() : otherwise;
}
