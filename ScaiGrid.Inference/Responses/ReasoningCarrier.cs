using System.Text.Json;
using System.Text.Unicode;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Responses;

/// <summary>
/// What a model wants back with the next turn, as <c>encrypted_content</c> of a reasoning item: the Responses API's place for what chat has in
/// <c>extra_content</c>, <c>reasoning_content</c> and <c>reasoning_details</c> (docs/decisions/0016). Base64 of JSON: nothing in it is kept from the caller, who has no use for it.
/// </summary>
/// <param name="maker">The model, as <see cref="CarriedField"/> says it.</param>
internal sealed class ReasoningCarrier(string maker)
{
    // Chat's own is no deeper. What is written into a request must not be deeper than that may be.
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 32 };

    private readonly Dictionary<string, string> _calls = [];

    public string Maker => maker;

    /// <summary>The field of a chat message that the reasoning's text stood in; null where there is none.</summary>
    public string? Field { get; set; }

    /// <summary>The message's <c>extra_content</c>, as JSON.</summary>
    public string? Message { get; set; }

    /// <summary>The message's <c>reasoning_details</c>.</summary>
    public ReasoningDetails Details { get; } = new();

    public bool IsEmpty => Field is null && Message is null && Details.IsEmpty && _calls.Count == 0;

    /// <summary>The <c>extra_content</c> of a call, once: a request does not grow by calls that share an id. Null where there is none.</summary>
    public string? TakeCall(string id) => _calls.Remove(id, out var extra) ? extra : null;

    /// <param name="id">What the caller knows the call by.</param>
    /// <param name="extra">Its <c>extra_content</c>, as JSON.</param>
    public void AddCall(string id, string extra) => _calls[id] = extra;

    /// <summary>Adds what another item of the same answer carries.</summary>
    public void Add(ReasoningCarrier other)
    {
        (Field, Message) = (other.Field ?? Field, other.Message ?? Message);
        Details.Add(other.Details);
        foreach (var (id, extra) in other._calls)
        {
            _calls[id] = extra;
        }
    }

    public string Write()
    {
        using var json = new PooledBytes(256);
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartObject();
            writer.WriteString("maker"u8, maker);
            if (Field is not null)
            {
                writer.WriteString("field"u8, Field);
            }

            if (Message is not null)
            {
                writer.WritePropertyName("message"u8);
                writer.WriteRawValue(Message);
            }

            if (!Details.IsEmpty)
            {
                writer.WritePropertyName("details"u8);
                writer.WriteRawValue(Details.ToString());
            }

            if (_calls.Count > 0)
            {
                writer.WriteStartObject("calls"u8);
                foreach (var (id, extra) in _calls)
                {
                    writer.WritePropertyName(id);
                    writer.WriteRawValue(extra);
                }

                writer.WriteEndObject();
            }

            writer.WriteEndObject();
        }

        return Convert.ToBase64String(json.Span);
    }

    /// <returns>Null for what was not written here, as OpenAI's own: a conversation may have begun elsewhere.</returns>
    public static ReasoningCarrier? Read(string text)
    {
        var json = new byte[text.Length];
        if (!Convert.TryFromBase64String(text, json, out var length) || !Utf8.IsValid(json.AsSpan(0, length)))
        {
            return null;
        }

        try
        {
            PropertyNames.Check(json.AsSpan(0, length));
            using var document = JsonDocument.Parse(json.AsMemory(0, length), Options);
            return Read(document.RootElement);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static ReasoningCarrier? Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object || JsonText.Of(root, "maker"u8) is not { } maker)
        {
            return null;
        }

        var field = JsonText.Of(root, "field"u8);
        var carrier = new ReasoningCarrier(maker)
        {
            Field = field is "reasoning_content" or "reasoning" ? field : null,
            Message = RawObject(root, "message"u8),
        };
        if (root.TryGetProperty("details"u8, out var details) && details.ValueKind == JsonValueKind.Array)
        {
            carrier.Details.Add(details.GetRawText());
        }

        if (root.TryGetProperty("calls"u8, out var calls) && calls.ValueKind == JsonValueKind.Object)
        {
            foreach (var call in calls.EnumerateObject().Where(call => call.Value.ValueKind == JsonValueKind.Object))
            {
                carrier.AddCall(call.Name, call.Value.GetRawText());
            }
        }

        return carrier;
    }

    private static string? RawObject(JsonElement owner, ReadOnlySpan<byte> name) =>
        owner.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Object ? value.GetRawText() : null;
}
