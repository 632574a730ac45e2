using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Translation;

/// <summary>
/// A chat request to be translated, in the form that an upstream of OpenAI's format would get: the frontend model's system prompt, defaults and
/// limits are already applied (<see cref="ChatRequestEditor"/>). <see cref="Refuse"/> records what the target format cannot express.
/// </summary>
internal sealed class RequestDocument : IDisposable
{
    // Tool schemas nest deeper than conversations.
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 256 };

    private readonly PooledBytes _bytes;
    private readonly JsonDocument _document;

    public RequestDocument(ChatRequest request, ModelRoute route, ReadOnlySpan<byte> upstreamModelJson, OpenAiDialect? dialect)
    {
        _bytes = ChatRequestEditor.Edit(request, route, upstreamModelJson, dialect);
        _document = JsonDocument.Parse(_bytes.Memory, Options);
        (Stream, Route) = (request.Stream, route);
    }

    public bool Stream { get; }

    public ModelRoute Route { get; }

    public JsonElement Root => _document.RootElement;

    /// <summary>The first thing that the upstream's format cannot express; null if there is none.</summary>
    public UpstreamError? Refused { get; private set; }

    /// <summary>The smaller of the two output limits.</summary>
    public long? MaxTokens => Number("max_tokens"u8) is { } tokens
        ? Math.Min(tokens, Number("max_completion_tokens"u8) ?? tokens)
        : Number("max_completion_tokens"u8);

    public string? Effort => JsonText.Of(Root, "reasoning_effort"u8);

    public IEnumerable<JsonElement> Messages => Root.Items("messages"u8);

    /// <summary>The definitions of the functions that may be called.</summary>
    public IEnumerable<JsonElement> Functions => Root.Items("tools"u8)
        .Where(tool => tool.TryGetObject("function"u8, out _))
        .Select(tool => tool.GetProperty("function"u8));

    public IEnumerable<JsonElement> Stops => !Root.TryGetProperty("stop"u8, out var stop) ? []
        : stop.ValueKind == JsonValueKind.String ? [stop]
        : Root.Items("stop"u8, JsonValueKind.String);

    public bool? Flag(ReadOnlySpan<byte> name) => Root.TryGetProperty(name, out var value)
        ? value.ValueKind switch { JsonValueKind.True => true, JsonValueKind.False => false, _ => null }
        : null;

    public long? Number(ReadOnlySpan<byte> name) =>
        Root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) ? number : null;

    /// <summary>Reads any number, as written.</summary>
    public bool TryGetNumber(ReadOnlySpan<byte> name, out JsonElement number) =>
        Root.TryGetProperty(name, out number) && number.ValueKind == JsonValueKind.Number;

    public void Refuse(string field, string message) => Refused ??= UpstreamError.Unsupported(field, message);

    /// <summary>Refuses an image that is neither a URL nor a data URL: its text would be sent as if it were the image.</summary>
    /// <param name="part">The content part.</param>
    /// <param name="path">The part's path in the request.</param>
    public void RefuseBareImage(ContentPart part, string path)
    {
        if (part is { Kind: PartKind.Image, IsBare: true })
        {
            Refuse($"{path}.image_url", "is neither a URL (http, https) nor a data URL.");
        }
    }

    /// <summary>
    /// Refuses what is in a list and not of its kind: a translation takes the items that it knows, and would leave the others out without a word.
    /// </summary>
    public void RefuseStrayItems()
    {
        foreach (var (index, message) in Messages.Index())
        {
            RefuseStrayItems(message, "content"u8, $"messages[{index}].content", JsonValueKind.Object);
            if (message.TryGetProperty("tool_calls"u8, out var calls) && calls.ValueKind is not (JsonValueKind.Array or JsonValueKind.Null))
            {
                Refuse($"messages[{index}].tool_calls", "must be an array.");
            }

            RefuseStrayItems(message, "tool_calls"u8, $"messages[{index}].tool_calls", JsonValueKind.Object);
        }

        RefuseStrayItems(Root, "tools"u8, "tools", JsonValueKind.Object);
        RefuseStrayItems(Root, "stop"u8, "stop", JsonValueKind.String);
    }

    private void RefuseStrayItems(JsonElement owner, ReadOnlySpan<byte> name, string path, JsonValueKind kind)
    {
        if (!owner.TryGetProperty(name, out var items) || items.ValueKind != JsonValueKind.Array)
        {
            return;
        }

        var position = 0;
        foreach (var item in items.EnumerateArray())
        {
            if (item.ValueKind != kind)
            {
                Refuse($"{path}[{position}]", kind == JsonValueKind.String ? "must be a string." : "must be an object.");
            }

            position++;
        }
    }

    public void RefuseEmpty() => Refuse("messages", "have no content: this model requires at least one message with content, besides system messages.");

    /// <summary>True if the caller wants the answer as JSON.</summary>
    /// <param name="format">The <c>response_format</c>: <c>json_object</c>, or <c>json_schema</c> with the schema.</param>
    public bool WantsJson(out JsonElement format) =>
        Root.TryGetObject("response_format"u8, out format) && JsonText.Of(format, "type"u8) is "json_object" or "json_schema";

    public void Dispose()
    {
        _document.Dispose();
        _bytes.Dispose();
    }

    /// <summary>Gets a message's content, or its refusal if the model refused to answer: on the native surface an empty content stands beside it.</summary>
    public static bool TryGetContent(JsonElement message, out JsonElement content)
    {
        var isSaid = message.TryGetProperty("content"u8, out content) && content.ValueKind != JsonValueKind.Null;
        var isEmpty = !isSaid || (content.ValueKind == JsonValueKind.String && content.ValueEquals(""u8));
        if (!isEmpty || !message.TryGetString("refusal"u8, out var refusal))
        {
            return isSaid;
        }

        content = refusal;
        return true;
    }
}
