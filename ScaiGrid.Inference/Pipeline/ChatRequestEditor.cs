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
/// Makes the body for an upstream of the same wire format: the caller's bytes with the model's name replaced, usage asked for,
/// output bounded, and the frontend model's defaults and system prompt put in.
/// </summary>
internal static partial class ChatRequestEditor
{
    /// <summary>The output limit that every server of this format accepts, except OpenAI's reasoning models.</summary>
    public const string MaxTokensField = "max_tokens";

    /// <summary>The output limit that all of OpenAI's models accept; the reasoning ones accept only this one.</summary>
    public const string MaxCompletionTokensField = "max_completion_tokens";

    private const string Effort = "reasoning_effort";

    /// <summary>Writes the upstream body. The caller's bytes stay as they are, since another attempt may need them.</summary>
    /// <param name="request">The caller's request.</param>
    /// <param name="model">The frontend model.</param>
    /// <param name="upstreamModelJson">The model's name at the upstream, as a JSON string.</param>
    /// <param name="dialect">What the upstream accepts; null if a translator reads the body, which handles tool media and carried fields itself.</param>
    public static PooledBytes Edit(ChatRequest request, ModelRoute model, ReadOnlySpan<byte> upstreamModelJson, OpenAiDialect? dialect)
    {
        var (outputLimit, toolEffort, isOpenAi) = dialect.GetValueOrDefault();
        var media = dialect is not null && request.HasToolParts ? ToolMedia.Move(request.Body.Span, request.MessagesSpan) : null;
        var splices = new SpliceList(
            11 + (model.DefaultParams?.Count ?? 0) + request.Carried.Count + (2 * request.Renamed.Count) + (request.Bounds is null ? 0 : request.Unknown.Count) + (media?.Count ?? 0));
        if (media is not null)
        {
            splices.AddRange(media);
        }

        if (request.Carried.Count > 0)
        {
            LeaveOut(request.Carried, isOpenAi ? null : CarriedField.MakerOf(upstreamModelJson), isTranslated: dialect is null, ref splices);
        }
        else if (request.Renamed.Count > 0)
        {
            NameAgain(request.Renamed, CarriedField.MakerOf(upstreamModelJson), ref splices);
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
            Limit(request, Math.Min(asked, model.MaxOutputTokens ?? asked), outputLimit, ref splices);
        }

        if (request.Bounds is { } bounds)
        {
            KeepTo(bounds, request, model, ref splices);
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
            SetDefaults(request, defaults, outputLimit, ref splices);
        }

        if (toolEffort is not null && request.Has("tools") && !request.Has(Effort) && model.DefaultParams?[Effort] is null)
        {
            splices.Add(Set(request, Effort, $"\"{toolEffort}\""));
        }

        return Apply(request.Body.Span, splices.Added);
    }

    /// <summary>The caller's place of what is wrong with a body that was made here, whose messages begin with the frontend model's own.</summary>
    /// <param name="field">In the body.</param>
    /// <param name="model">The frontend model.</param>
    public static string FieldOf(string field, ModelRoute model)
    {
        if (model.SystemPrompt is not { Length: > 0 } || Message().Match(field) is not { Success: true } message)
        {
            return field;
        }

        // The first is nothing that the caller could mend.
        var index = message.Groups["index"];
        var place = int.Parse(index.ValueSpan, CultureInfo.InvariantCulture);
        return place == 0 ? "messages" : string.Concat(field.AsSpan(0, index.Index), Digits(place - 1), field.AsSpan(index.Index + index.Length));
    }

    // With a point as well, as OpenAI and FastAPI write it.
    [GeneratedRegex(@"^messages(\.\[|\.|\[)(?<index>\d{1,9})\b")]
    private static partial Regex Message();

    private static void LeaveOut(IReadOnlyList<CarriedField> carried, string? maker, bool isTranslated, ref SpliceList splices)
    {
        foreach (var field in carried)
        {
            if (field.Maker != maker && (!isTranslated || !field.NamesProvider))
            {
                splices.Add(new Splice(field.Property, []));
            }
        }
    }

    private static void NameAgain(IReadOnlyList<RenamedReasoning> renamed, string maker, ref SpliceList splices)
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

        // null, or an object that lacks the field.
        var body = request.Body.Span;
        return body[options.Start] != (byte)'{' || IsEmptyObject(body.Slice(options.Start, options.Length))
            ? new Splice(options, """{"include_usage":true}"""u8.ToArray())
            : Insert(options.Start + 1, "\"include_usage\":true,"u8.ToArray());
    }

    // What is reserved is the least that the caller names: no field may say more, and the one that is read there must say it.
    private static void Limit(ChatRequest request, int limit, string? outputLimit, ref SpliceList splices)
    {
        var isNew = outputLimit == MaxCompletionTokensField;
        var (wanted, other) = isNew ? (request.MaxCompletionTokensSpan, request.MaxTokensSpan) : (request.MaxTokensSpan, request.MaxCompletionTokensSpan);
        var otherName = isNew ? MaxTokensField : MaxCompletionTokensField;
        if (outputLimit is null || !other.Exists || request.NullOf(otherName).Exists)
        {
            Bound(wanted, limit, request, ref splices);
            Bound(other, limit, request, ref splices);
        }
        else if (wanted.Exists)
        {
            splices.Add(new Splice(wanted, Encoding.UTF8.GetBytes(Digits(limit))));
            splices.Add(new Splice(other, "null"u8.ToArray()));
        }
        else
        {
            Rename(other, otherName, outputLimit, request, ref splices);
            Bound(other, limit, request, ref splices);
        }
    }

    // The last of a name counts at some upstreams, and any of several names at others: none may say more than what is reserved.
    private static void KeepTo(OutputBounds bounds, ChatRequest request, ModelRoute model, ref SpliceList splices)
    {
        foreach (var (name, value) in request.Unknown)
        {
            if (!OtherBounds.TryFind(name, out var kind))
            {
                continue;
            }

            // A default comes in place of a null.
            var isReplaced = request.NullOf(name).Exists && model.DefaultParams?[name] is not null;
            if (!isReplaced && bounds.Instead(kind, request.Body.Span.Slice(value.Start, value.Length)) is { } instead)
            {
                splices.Add(new Splice(value, Encoding.UTF8.GetBytes(instead)));
            }
        }
    }

    private static void Bound(JsonSpan span, int bound, ChatRequest request, ref SpliceList splices)
    {
        if (span.Exists && Utf8Parser.TryParse(request.Body.Span.Slice(span.Start, span.Length), out long asked, out _) && asked > bound)
        {
            splices.Add(new Splice(span, Encoding.UTF8.GetBytes(Digits(bound))));
        }
    }

    private static void Rename(JsonSpan value, string from, string to, ChatRequest request, ref SpliceList splices)
    {
        // Between a name and its value are a colon and white space: the last such text before the value is its name, unless that is
        // written with escapes, as nobody does.
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

    private static void SetDefaults(ChatRequest request, JsonObject defaults, string? outputLimit, ref SpliceList splices)
    {
        var isLimited = request.MaxTokens is not null;
        foreach (var (name, value) in defaults)
        {
            // The two names of the bound are one field: a caller who set either has set it, and where one name is read it is set once.
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

    // In place of the caller's null, where there is one: of two fields of a name most upstreams read the last.
    private static Splice Set(ChatRequest request, string name, string json) => request.NullOf(name) is { Exists: true } nothing
        ? new Splice(nothing, Encoding.UTF8.GetBytes(json))
        : Insert(RootStart(request), Encoding.UTF8.GetBytes($"{JsonSerializer.Serialize(name, CanonicalJson.Default.String)}:{json},"));

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

    /// <summary>The splices of one body, in an array of the most that there can be.</summary>
    private ref struct SpliceList(int capacity)
    {
        private readonly Splice[] _splices = new Splice[capacity];
        private int _count;

        public readonly Span<Splice> Added => _splices.AsSpan(0, _count);

        public void Add(Splice splice) => _splices[_count++] = splice;

        public void AddRange(List<Splice> splices)
        {
            splices.CopyTo(_splices, _count);
            _count += splices.Count;
        }
    }
}
