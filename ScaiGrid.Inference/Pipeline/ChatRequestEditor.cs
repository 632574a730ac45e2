using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// Makes the body for an upstream of the same wire format: the caller's bytes with the model's name replaced, usage asked for,
/// output bounded, and the frontend model's defaults and system prompt put in.
/// </summary>
internal static class ChatRequestEditor
{
    /// <summary>Writes the upstream body. The caller's bytes stay as they are, since another attempt may need them.</summary>
    public static PooledBytes Edit(ChatRequest request, ModelRoute model, ReadOnlySpan<byte> upstreamModelJson, bool newerField = false)
    {
        Span<Splice> splices = new Splice[9];
        var count = 0;
        splices[count++] = new Splice(request.ModelSpan, upstreamModelJson.ToArray());
        if (request.Stream && !request.IncludeUsage)
        {
            splices[count++] = AskForUsage(request);
        }

        if (model.MaxOutputTokens is { } bound)
        {
            Bound(request.MaxTokensSpan, bound, request, splices, ref count);
            Bound(request.MaxCompletionTokensSpan, bound, request, splices, ref count);
        }

        if (request.ReservedOutput is { } reserved)
        {
            // A newer field of the same meaning is what OpenAI's reasoning models insist on.
            var field = newerField ? "max_completion_tokens" : "max_tokens";
            splices[count++] = Insert(RootStart(request), Encoding.UTF8.GetBytes(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"\"{field}\":{reserved},")));
        }

        if (model.SystemPrompt is { Length: > 0 } prompt)
        {
            splices[count++] = Insert(request.MessagesSpan.Start + 1, SystemMessage(prompt));
        }

        if (model.DefaultParams is { Count: > 0 } defaults && Defaults(request, defaults) is { Length: > 0 } fields)
        {
            splices[count++] = Insert(RootStart(request), fields);
        }

        return Apply(request.Body.Span, splices[..count]);
    }

    private static Splice AskForUsage(ChatRequest request)
    {
        if (request.IncludeUsageSpan.Exists)
        {
            return new Splice(request.IncludeUsageSpan, "true"u8.ToArray());
        }

        var options = request.StreamOptionsSpan;
        if (!options.Exists)
        {
            return Insert(RootStart(request), "\"stream_options\":{\"include_usage\":true},"u8.ToArray());
        }

        // null, or an object that lacks the field.
        var body = request.Body.Span;
        return body[options.Start] != (byte)'{' || IsEmptyObject(body.Slice(options.Start, options.Length))
            ? new Splice(options, """{"include_usage":true}"""u8.ToArray())
            : Insert(options.Start + 1, "\"include_usage\":true,"u8.ToArray());
    }

    private static void Bound(JsonSpan span, int bound, ChatRequest request, Span<Splice> splices, ref int count)
    {
        if (span.Exists && Utf8Parser.TryParse(request.Body.Span.Slice(span.Start, span.Length), out long asked, out _) && asked > bound)
        {
            splices[count++] = new Splice(span, Encoding.UTF8.GetBytes(bound.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        }
    }

    private static byte[] SystemMessage(string prompt) =>
        Encoding.UTF8.GetBytes($$"""{"role":"system","content":{{JsonSerializer.Serialize(prompt, CanonicalJson.Default.String)}}},""");

    private static byte[] Defaults(ChatRequest request, JsonObject defaults)
    {
        var text = new StringBuilder();
        foreach (var (name, value) in defaults)
        {
            if (value is not null && !request.Fields.Contains(name))
            {
                text.Append(JsonSerializer.Serialize(name, CanonicalJson.Default.String)).Append(':').Append(value.ToJsonString()).Append(',');
            }
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    // Right behind the opening brace: the object has at least "model" and "messages" after it, so a trailing comma is right.
    private static int RootStart(ChatRequest request) => request.Body.Span.IndexOf((byte)'{') + 1;

    private static bool IsEmptyObject(ReadOnlySpan<byte> json) => json[1..^1].Trim(" \t\r\n"u8).IsEmpty;

    private static Splice Insert(int position, byte[] bytes) => new(new JsonSpan(position, 0), bytes);

    private static PooledBytes Apply(ReadOnlySpan<byte> source, Span<Splice> splices)
    {
        splices.Sort(static (a, b) => a.Replaced.Start.CompareTo(b.Replaced.Start));
        var result = new PooledBytes(source.Length + 256);
        var position = 0;
        foreach (var splice in splices)
        {
            result.Append(source[position..splice.Replaced.Start]);
            result.Append(splice.Replacement);
            position = splice.Replaced.End;
        }

        result.Append(source[position..]);
        return result;
    }

    private readonly record struct Splice(JsonSpan Replaced, byte[] Replacement);
}
