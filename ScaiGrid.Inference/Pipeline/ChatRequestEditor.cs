using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>
/// Creates the body for an upstream of the same wire format: the caller's bytes with the model's name replaced, usage requested, output limited,
/// and the frontend model's defaults and system prompt inserted.
/// </summary>
internal static partial class ChatRequestEditor
{
    /// <summary>The output limit that all servers of this format accept, except OpenAI's reasoning models.</summary>
    public const string MaxTokensField = "max_tokens";

    /// <summary>The output limit of OpenAI's models; its reasoning models accept only this one.</summary>
    public const string MaxCompletionTokensField = "max_completion_tokens";

    private const string Effort = "reasoning_effort";

    /// <summary>Writes the upstream body. The caller's bytes are not changed, because another attempt may need them.</summary>
    /// <param name="request">The caller's request.</param>
    /// <param name="model">The frontend model.</param>
    /// <param name="upstreamModelJson">The model's name at the upstream, as a JSON string.</param>
    /// <param name="dialect">What the upstream accepts; null if a translator reads the body, which handles tool media and carried fields itself.</param>
    public static PooledBytes Edit(ChatRequest request, ModelRoute model, ReadOnlySpan<byte> upstreamModelJson, OpenAiDialect? dialect)
    {
        var (outputLimit, toolEffort, isOpenAi, refusesUnknown) = dialect.GetValueOrDefault();
        var media = dialect is not null && request.HasToolParts ? ToolMedia.Move(request.Body.Span, request.MessagesSpan) : null;
        var splices = media ?? [];
        if (refusesUnknown)
        {
            OthersAnswers.LeaveOut(request.Body.Span, request.MessagesSpan, splices);
        }
        else if (request.Carried.Count > 0)
        {
            LeaveOut(request.Carried, CarriedField.MakerOf(upstreamModelJson), isTranslated: dialect is null, splices);
        }
        else if (request.Renamed.Count > 0)
        {
            NameAgain(request.Renamed, CarriedField.MakerOf(upstreamModelJson), splices);
        }

        splices.Add(new Splice(request.ModelSpan, upstreamModelJson.ToArray()));
        if (request.Stream && !request.IncludeUsage)
        {
            splices.Add(AskForUsage(request));
        }

        if (request.ReservedOutput is { } reserved)
        {
            splices.Add(Set(request, outputLimit ?? MaxTokensField, Digits(reserved)));
        }
        else if (request.MaxTokens is { } asked)
        {
            Limit(request, Math.Min(asked, model.MaxOutputTokens ?? asked), outputLimit, splices);
        }

        if (request.Bounds is { } bounds)
        {
            KeepTo(bounds, request, model, splices);
        }

        if (isOpenAi && request.OwnsMetadata && request.Has("metadata") && !request.Has("store"))
        {
            splices.Add(new Splice(request.MetadataSpan, "null"u8.ToArray()));
        }

        if (model.SystemPrompt is { Length: > 0 } prompt)
        {
            splices.Add(Insert(request.MessagesSpan.Start + 1, SystemMessage(prompt)));
        }

        if (model.DefaultParams is { } defaults)
        {
            SetDefaults(request, defaults, outputLimit, splices);
        }

        if (toolEffort is not null && request.Has("tools") && !request.Has(Effort) && model.DefaultParams?[Effort] is null)
        {
            splices.Add(Set(request, Effort, $"\"{toolEffort}\""));
        }

        return Apply(request.Body.Span, splices);
    }

    /// <summary>Translates a field's path in a body created here to the caller's, whose messages do not include the frontend model's system prompt.</summary>
    /// <param name="field">The path in the body.</param>
    /// <param name="model">The frontend model.</param>
    public static string FieldOf(string field, ModelRoute model)
    {
        if (model.SystemPrompt is not { Length: > 0 } || Message().Match(field) is not { Success: true } message)
        {
            return field;
        }

        // The caller cannot fix the first message, which is the system prompt.
        var index = message.Groups["index"];
        var place = int.Parse(index.ValueSpan, CultureInfo.InvariantCulture);
        return place == 0 ? "messages" : string.Concat(field.AsSpan(0, index.Index), Digits(place - 1), field.AsSpan(index.Index + index.Length));
    }

    // Also with a dot, as OpenAI and FastAPI write it.
    [GeneratedRegex(@"^messages(\.\[|\.|\[)(?<index>\d{1,9})\b")]
    private static partial Regex Message();

    private static void LeaveOut(IReadOnlyList<CarriedField> carried, string maker, bool isTranslated, List<Splice> splices)
    {
        foreach (var field in carried)
        {
            if (field.Maker != maker && (!isTranslated || !field.NamesProvider))
            {
                splices.Add(new Splice(field.Property, []));
            }
        }
    }

    private static void NameAgain(IReadOnlyList<RenamedReasoning> renamed, string maker, List<Splice> splices)
    {
        foreach (var reasoning in renamed)
        {
            splices.Add(new Splice(reasoning.Mark, []));
            if (reasoning.Name.Exists && reasoning.Maker == maker)
            {
                splices.Add(new Splice(reasoning.Name, "\"reasoning_content\""u8.ToArray()));
            }
        }
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

        // Null, or an object without the field.
        var body = request.Body.Span;
        return body[options.Start] != (byte)'{' || IsEmptyObject(body.Slice(options.Start, options.Length))
            ? new Splice(options, """{"include_usage":true}"""u8.ToArray())
            : Insert(options.Start + 1, "\"include_usage\":true,"u8.ToArray());
    }

    // The reservation is for the lowest limit of the caller: no field may exceed it, and the field that the upstream reads must have it.
    private static void Limit(ChatRequest request, int limit, string? outputLimit, List<Splice> splices)
    {
        var isNew = outputLimit == MaxCompletionTokensField;
        var (wanted, other) = isNew ? (request.MaxCompletionTokensSpan, request.MaxTokensSpan) : (request.MaxTokensSpan, request.MaxCompletionTokensSpan);
        var otherName = isNew ? MaxTokensField : MaxCompletionTokensField;
        if (outputLimit is null || !other.Exists || request.NullOf(otherName).Exists)
        {
            Bound(wanted, limit, request, splices);
            Bound(other, limit, request, splices);
        }
        else if (wanted.Exists)
        {
            splices.Add(new Splice(wanted, Encoding.UTF8.GetBytes(Digits(limit))));
            splices.Add(new Splice(other, "null"u8.ToArray()));
        }
        else
        {
            Rename(other, otherName, outputLimit, request, splices);
            Bound(other, limit, request, splices);
        }
    }

    // Some upstreams use the last of several equal names, others any of several names: none may exceed the reservation.
    private static void KeepTo(OutputBounds bounds, ChatRequest request, ModelRoute model, List<Splice> splices)
    {
        foreach (var (name, value) in request.Unknown)
        {
            if (!OtherBounds.TryFind(name, out var kind))
            {
                continue;
            }

            // A default replaces an explicit null.
            var isReplaced = request.NullOf(name).Exists && model.DefaultParams?[name] is not null;
            if (!isReplaced && bounds.Instead(kind, request.Body.Span.Slice(value.Start, value.Length)) is { } instead)
            {
                splices.Add(new Splice(value, Encoding.UTF8.GetBytes(instead)));
            }
        }
    }

    private static void Bound(JsonSpan span, int bound, ChatRequest request, List<Splice> splices)
    {
        if (span.Exists && Utf8Parser.TryParse(request.Body.Span.Slice(span.Start, span.Length), out long asked, out _) && asked > bound)
        {
            splices.Add(new Splice(span, Encoding.UTF8.GetBytes(Digits(bound))));
        }
    }

    private static void Rename(JsonSpan value, string from, string to, ChatRequest request, List<Splice> splices)
    {
        // Only a colon and white space are between a name and its value: the last occurrence before the value is its name, unless the name is
        // written with escapes, which clients do not do.
        var name = Encoding.UTF8.GetBytes($"\"{from}\"");
        var start = request.Body.Span[..value.Start].LastIndexOf(name);
        if (start >= 0)
        {
            splices.Add(new Splice(new JsonSpan(start, name.Length), Encoding.UTF8.GetBytes($"\"{to}\"")));
        }
    }

    private static string Digits(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static byte[] SystemMessage(string prompt) =>
        Encoding.UTF8.GetBytes($$"""{"role":"system","content":{{JsonSerializer.Serialize(prompt, CanonicalJson.Default.String)}}},""");

    private static void SetDefaults(ChatRequest request, JsonObject defaults, string? outputLimit, List<Splice> splices)
    {
        var isLimited = request.MaxTokens is not null;
        foreach (var (name, value) in defaults)
        {
            // Both names of the limit are one field: if the caller set either, the default is not used, and if the upstream reads one name, it is set once.
            var isLimit = name is MaxTokensField or MaxCompletionTokensField;
            if (value is not null && !(isLimit ? isLimited : request.Has(name)))
            {
                var json = value.ToJsonString();
                if (request.Bounds is { } bounds && OtherBounds.TryFind(name, out var kind))
                {
                    json = bounds.Instead(kind, Encoding.UTF8.GetBytes(json)) ?? json;
                }

                splices.Add(Set(request, isLimit && outputLimit is not null ? outputLimit : name, json));
                isLimited |= isLimit && outputLimit is not null;
            }
        }
    }

    // Replaces an explicit null of the caller, because most upstreams read the last of two equal names.
    private static Splice Set(ChatRequest request, string name, string json) => request.NullOf(name) is { Exists: true } nothing
        ? new Splice(nothing, Encoding.UTF8.GetBytes(json))
        : Insert(RootStart(request), Encoding.UTF8.GetBytes($"{JsonSerializer.Serialize(name, CanonicalJson.Default.String)}:{json},"));

    // Directly after the opening brace: "model" and "messages" follow, so a trailing comma is valid.
    private static int RootStart(ChatRequest request) => request.Body.Span.IndexOf((byte)'{') + 1;

    private static bool IsEmptyObject(ReadOnlySpan<byte> json) => json[1..^1].Trim(" \t\r\n"u8).IsEmpty;

    private static Splice Insert(int position, byte[] bytes) => new(new JsonSpan(position, 0), bytes);

    private static PooledBytes Apply(ReadOnlySpan<byte> source, List<Splice> splices)
    {
        // What is inserted before a replaced place has the same start.
        splices.Sort(static (a, b) => (a.Replaced.Start, a.Replaced.Length).CompareTo((b.Replaced.Start, b.Replaced.Length)));
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
}
