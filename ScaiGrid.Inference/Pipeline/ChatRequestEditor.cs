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
    public const string OldLimit = "max_tokens";

    /// <summary>The output limit of OpenAI's models; its reasoning models accept only this one.</summary>
    public const string NewLimit = "max_completion_tokens";

    private const string Effort = "reasoning_effort";

    /// <summary>Writes the upstream body. The caller's bytes are not changed, because another attempt may need them.</summary>
    /// <param name="request">The caller's request.</param>
    /// <param name="model">The frontend model.</param>
    /// <param name="upstreamModelJson">The model's name at the upstream, as a JSON string.</param>
    /// <param name="outputLimit">The only field that limits the output at the upstream; null if it accepts both.</param>
    /// <param name="toolEffort">The effort to send with tools if none is specified, for models that reject tools without one.</param>
    /// <param name="storesMetadata">Whether the upstream accepts metadata only for answers that are to be stored.</param>
    /// <param name="isOurs">True if the edited body is sent as is; false if a translator reads it and handles tool media and carried fields itself.</param>
    /// <param name="takesCarried">Whether the upstream accepts fields carried from earlier answers at all.</param>
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

        // Null, or an object without the field.
        var body = request.Body.Span;
        return body[options.Start] != (byte)'{' || IsEmptyObject(body.Slice(options.Start, options.Length))
            ? new Splice(options, """{"include_usage":true}"""u8.ToArray())
            : Insert(options.Start + 1, "\"include_usage\":true,"u8.ToArray());
    }

    // The reservation is for the lowest limit of the caller: no field may exceed it, and the field that the upstream reads must have it.
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

    // Some upstreams use the last of several equal names, others any of several names: none may exceed the reservation.
    private static void KeepTo(OutputBounds bounds, ChatRequest request, ModelRoute model, Span<Splice> splices, ref int count)
    {
        foreach (var (name, kind, value) in request.OtherBounds)
        {
            // A default replaces an explicit null.
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
        // Only a colon and white space are between a name and its value: the last occurrence before the value is its name, unless the name is
        // written with escapes, which clients do not do.
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
            // Both names of the limit are one field: if the caller set either, the default is not used, and if the upstream reads one name, it is set once.
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

    // Replaces an explicit null of the caller, because most upstreams read the last of two equal names.
    private static Splice Set(ChatRequest request, string name, string json) => request.NullOf(name) is { Exists: true } nothing
        ? new Splice(nothing, Encoding.UTF8.GetBytes(json))
        : Insert(RootStart(request), Encoding.UTF8.GetBytes($"{JsonSerializer.Serialize(name, CanonicalJson.Default.String)}:{json},"));

    // Directly after the opening brace: "model" and "messages" follow, so a trailing comma is valid.
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

/// <summary>A replacement of a part of a body.</summary>
internal readonly record struct Splice(JsonSpan Replaced, byte[] Replacement);
