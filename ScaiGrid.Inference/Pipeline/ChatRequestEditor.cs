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
    /// <summary>The bound on output that every server of this format takes, but for OpenAI's models that reason.</summary>
    public const string OldLimit = "max_tokens";

    /// <summary>What those take, without the other one, and OpenAI's other models too.</summary>
    public const string NewLimit = "max_completion_tokens";

    private const string Effort = "reasoning_effort";

    /// <summary>Writes the upstream body. The caller's bytes stay as they are, since another attempt may need them.</summary>
    /// <param name="request">The caller's request.</param>
    /// <param name="model">The frontend model.</param>
    /// <param name="upstreamModelJson">The model's name at the upstream, as a JSON string.</param>
    /// <param name="outputLimit">The only field that bounds the output there, where there is only one.</param>
    /// <param name="toolEffort">The effort that is said with tools where nobody says one, for models that refuse tools without.</param>
    /// <param name="storesMetadata">Whether metadata is taken there with what is to be stored only.</param>
    /// <param name="isOurs">Whether the upstream gets the body as it is made here: a translation says itself what it takes from tools, and of carried fields.</param>
    /// <param name="takesCarried">Whether it takes fields of earlier answers at all, those of its own model among them.</param>
    public static PooledBytes Edit(
        ChatRequest request,
        ModelRoute model,
        ReadOnlySpan<byte> upstreamModelJson,
        string? outputLimit = null,
        string? toolEffort = null,
        bool storesMetadata = false,
        bool isOurs = false,
        bool takesCarried = true)
    {
        var media = isOurs && request.HasToolParts ? ToolMedia.Move(request.Body.Span, request.MessagesSpan) : null;
        Span<Splice> splices = new Splice[11 + (model.DefaultParams?.Count ?? 0) + request.Carried.Count + (2 * request.Renamed.Count) + request.OtherBounds.Count + (media?.Count ?? 0)];
        var count = 0;
        if (media is not null)
        {
            media.CopyTo(splices);
            count = media.Count;
        }

        if (request.Carried.Count > 0)
        {
            LeaveOut(request.Carried, takesCarried ? CarriedField.MakerOf(upstreamModelJson) : null, isOurs, splices, ref count);
        }
        else if (request.Renamed.Count > 0)
        {
            NameAgain(request.Renamed, CarriedField.MakerOf(upstreamModelJson), splices, ref count);
        }

        splices[count++] = new Splice(request.ModelSpan, upstreamModelJson.ToArray());
        if (request.Stream && !request.IncludeUsage)
        {
            splices[count++] = AskForUsage(request);
        }

        if (request.ReservedOutput is { } reserved)
        {
            splices[count++] = Set(request, outputLimit ?? OldLimit, Digits(reserved));
        }
        else if (request.MaxTokens is { } asked)
        {
            Limit(request, Math.Min(asked, model.MaxOutputTokens ?? asked), outputLimit, splices, ref count);
        }

        if (request.Bounds is { } bounds)
        {
            KeepTo(bounds, request, model, splices, ref count);
        }

        if (storesMetadata && request.OwnsMetadata && request.Fields.Contains("metadata") && !request.Fields.Contains("store"))
        {
            splices[count++] = new Splice(request.MetadataSpan, "null"u8.ToArray());
        }

        if (model.SystemPrompt is { Length: > 0 } prompt)
        {
            splices[count++] = Insert(request.MessagesSpan.Start + 1, SystemMessage(prompt));
        }

        if (model.DefaultParams is { } defaults)
        {
            SetDefaults(request, defaults, outputLimit, splices, ref count);
        }

        if (toolEffort is not null && request.Fields.Contains("tools") && !request.Fields.Contains(Effort) && model.DefaultParams?[Effort] is null)
        {
            splices[count++] = Set(request, Effort, $"\"{toolEffort}\"");
        }

        return Apply(request.Body.Span, splices[..count]);
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

    private static void LeaveOut(IReadOnlyList<CarriedField> carried, string? maker, bool isOurs, Span<Splice> splices, ref int count)
    {
        foreach (var field in carried)
        {
            if (field.Maker != maker && (isOurs || !field.NamesProvider))
            {
                splices[count++] = new Splice(field.Property, []);
            }
        }
    }

    private static void NameAgain(IReadOnlyList<RenamedReasoning> renamed, string maker, Span<Splice> splices, ref int count)
    {
        foreach (var reasoning in renamed)
        {
            splices[count++] = new Splice(reasoning.Mark, []);
            if (reasoning.Name.Exists && reasoning.Maker == maker)
            {
                splices[count++] = new Splice(reasoning.Name, "\"reasoning_content\""u8.ToArray());
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
    private static void Limit(ChatRequest request, int limit, string? outputLimit, Span<Splice> splices, ref int count)
    {
        var isNew = outputLimit == NewLimit;
        var (wanted, other) = isNew ? (request.MaxCompletionTokensSpan, request.MaxTokensSpan) : (request.MaxTokensSpan, request.MaxCompletionTokensSpan);
        var otherName = isNew ? OldLimit : NewLimit;
        if (outputLimit is null || !other.Exists || request.NullOf(otherName).Exists)
        {
            Bound(wanted, limit, request, splices, ref count);
            Bound(other, limit, request, splices, ref count);
        }
        else if (wanted.Exists)
        {
            splices[count++] = new Splice(wanted, Encoding.UTF8.GetBytes(Digits(limit)));
            splices[count++] = new Splice(other, "null"u8.ToArray());
        }
        else
        {
            Rename(other, otherName, outputLimit, request, splices, ref count);
            Bound(other, limit, request, splices, ref count);
        }
    }

    // The last of a name counts at some upstreams, and any of several names at others: none may say more than what is reserved.
    private static void KeepTo(OutputBounds bounds, ChatRequest request, ModelRoute model, Span<Splice> splices, ref int count)
    {
        foreach (var (name, kind, value) in request.OtherBounds)
        {
            // A default comes in place of a null.
            var isReplaced = request.NullOf(name).Exists && model.DefaultParams?[name] is not null;
            if (!isReplaced && bounds.Instead(kind, request.Body.Span.Slice(value.Start, value.Length)) is { } instead)
            {
                splices[count++] = new Splice(value, Encoding.UTF8.GetBytes(instead));
            }
        }
    }

    private static void Bound(JsonSpan span, int bound, ChatRequest request, Span<Splice> splices, ref int count)
    {
        if (span.Exists && Utf8Parser.TryParse(request.Body.Span.Slice(span.Start, span.Length), out long asked, out _) && asked > bound)
        {
            splices[count++] = new Splice(span, Encoding.UTF8.GetBytes(Digits(bound)));
        }
    }

    private static void Rename(JsonSpan value, string from, string to, ChatRequest request, Span<Splice> splices, ref int count)
    {
        // Between a name and its value are a colon and white space: the last such text before the value is its name, unless that is
        // written with escapes, as nobody does.
        var name = Encoding.UTF8.GetBytes($"\"{from}\"");
        var start = request.Body.Span[..value.Start].LastIndexOf(name);
        if (start >= 0)
        {
            splices[count++] = new Splice(new JsonSpan(start, name.Length), Encoding.UTF8.GetBytes($"\"{to}\""));
        }
    }

    private static string Digits(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static byte[] SystemMessage(string prompt) =>
        Encoding.UTF8.GetBytes($$"""{"role":"system","content":{{JsonSerializer.Serialize(prompt, CanonicalJson.Default.String)}}},""");

    private static void SetDefaults(ChatRequest request, JsonObject defaults, string? outputLimit, Span<Splice> splices, ref int count)
    {
        var isLimited = request.MaxTokens is not null;
        foreach (var (name, value) in defaults)
        {
            // The two names of the bound are one field: a caller who set either has set it, and where one name is read it is set once.
            var isLimit = name is OldLimit or NewLimit;
            if (value is not null && !(isLimit ? isLimited : request.Fields.Contains(name)))
            {
                var json = value.ToJsonString();
                if (request.Bounds is { } bounds && OtherBound.TryFind(name, out var kind))
                {
                    json = bounds.Instead(kind, Encoding.UTF8.GetBytes(json)) ?? json;
                }

                splices[count++] = Set(request, isLimit && outputLimit is not null ? outputLimit : name, json);
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
}

/// <summary>What stands in a body, and what is to stand there in place of it.</summary>
internal readonly record struct Splice(JsonSpan Replaced, byte[] Replacement);
