using System.Text.Json;
using ScaiGrid.Inference.Embeddings;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Translation;

/// <summary>
/// Embeddings at an upstream that accepts fewer texts per request than callers may send. The texts are sent in slices, one after the other,
/// and the answers are merged. Their vectors are kept as base64, which is a fraction of the numbers' length. The first failure fails the whole call,
/// and the slices before it are charged.
/// </summary>
internal static class EmbeddingSlices
{
    /// <param name="texts">All texts.</param>
    /// <param name="most">The upstream's maximum number of texts per request.</param>
    /// <param name="send">Sends one slice; its answer is OpenAI's document.</param>
    public static async Task<DocumentReply> SendAsync(IReadOnlyList<string> texts, int most, Func<IReadOnlyList<string>, Task<DocumentReply>> send)
    {
        if (texts.Count <= most)
        {
            return await send(texts);
        }

        var answers = new List<PooledBytes>();
        var bytes = 0L;
        try
        {
            foreach (var slice in texts.Chunk(most))
            {
                var reply = await SendAsync(slice, isFirst: answers.Count == 0, send);
                reply = reply.Document is { } document ? DocumentTranslation.Translate(document, Pack) : reply;
                if (reply.Document is not { } answer)
                {
                    return reply with { Spent = Spent(texts, most, answers) };
                }

                // The buffer has the size of the numbers.
                answers.Add(Fitted(answer));
                if ((bytes += answers[^1].Length) > InferenceOptions.MaxUpstreamBytes)
                {
                    return DocumentReply.Failed(UpstreamError.AnswersTooLarge) with { Spent = Spent(texts, most, answers) };
                }
            }

            return DocumentTranslation.Translate(answers[0], (writer, first) => Join(writer, first, answers, most));
        }
        finally
        {
            answers.ForEach(answer => answer.Dispose());
        }
    }

    // A caller who leaves pays for the slices before.
    private static async Task<DocumentReply> SendAsync(string[] slice, bool isFirst, Func<IReadOnlyList<string>, Task<DocumentReply>> send)
    {
        try
        {
            return await send(slice);
        }
        catch (Exception exception) when (!isFirst && exception is (OperationCanceledException or HttpRequestException or IOException))
        {
            return DocumentReply.Failed(new UpstreamError(UpstreamFailure.Cut));
        }
    }

    private static void Pack(Utf8JsonWriter writer, JsonElement answer)
    {
        writer.WriteStartArray("data"u8);
        foreach (var item in answer.GetProperty("data"u8).EnumerateArray())
        {
            writer.WriteStartObject();
            item.CopyTo(writer, "index"u8);
            writer.WritePropertyName("embedding"u8);
            var vector = item.GetProperty("embedding"u8);
            if (vector.ValueKind == JsonValueKind.Array)
            {
                EmbeddingVectors.WritePacked(writer, vector.Raw());
            }
            else
            {
                writer.WriteRawValue(vector.Raw(), skipInputValidation: true);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        answer.CopyTo(writer, "usage"u8);
    }

    private static PooledBytes Fitted(PooledBytes answer)
    {
        using var given = answer;
        var fitted = new PooledBytes(given.Length);
        fitted.Append(given.Span);
        return fitted;
    }

    private static MeteredUsage? Spent(IReadOnlyList<string> texts, int most, List<PooledBytes> answers)
    {
        var (tokens, isEstimated) = (0L, false);
        foreach (var (slice, answer) in texts.Chunk(most).Zip(answers))
        {
            var reported = Usage(answer);
            tokens += reported?.Prompt ?? slice.Sum(TokenCounter.Count);
            isEstimated |= reported is null;
        }

        return answers.Count == 0 ? null : new MeteredUsage(new TokenUsage(tokens, Completion: 0), isEstimated);
    }

    private static TokenUsage? Usage(PooledBytes answer)
    {
        try
        {
            return AnswerDocument.Read(answer.Memory, "data"u8).Usage;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static void Join(Utf8JsonWriter writer, JsonElement first, List<PooledBytes> answers, int most)
    {
        var usage = new Dictionary<string, long>();
        var areCounted = true;
        writer.WriteStartArray("data"u8);
        Add(first, 0);
        for (var i = 1; i < answers.Count; i++)
        {
            using var answer = JsonDocument.Parse(answers[i].Memory);
            Add(answer.RootElement, i * most);
        }

        writer.WriteEndArray();

        // If a slice reports no usage, there is no total.
        if (areCounted)
        {
            writer.WriteStartObject("usage"u8);
            foreach (var (name, count) in usage)
            {
                writer.WriteNumber(name, count);
            }

            writer.WriteEndObject();
        }

        void Add(JsonElement answer, int start)
        {
            var position = 0;
            foreach (var item in answer.GetProperty("data"u8).EnumerateArray())
            {
                writer.WriteStartObject();
                writer.WriteNumber("index"u8, start + (item.TryGetProperty("index"u8, out var index) && index.ValueKind == JsonValueKind.Number && index.TryGetInt32(out var given) ? given : position));
                item.CopyTo(writer, "embedding"u8);
                writer.WriteEndObject();
                position++;
            }

            // The merged list is only checked as a whole: one vector too many here would compensate for one too few there.
            if (position > most || (position < most && start / most < answers.Count - 1))
            {
                throw new JsonException("There are not as many vectors as inputs.");
            }

            areCounted &= answer.TryGetObject("usage"u8, out var counts);
            if (areCounted)
            {
                foreach (var count in counts.EnumerateObject().Where(count => count.Value.ValueKind == JsonValueKind.Number))
                {
                    usage[count.Name] = usage.GetValueOrDefault(count.Name) + (count.Value.TryGetInt64(out var number) ? number : 0);
                }
            }
        }
    }
}
