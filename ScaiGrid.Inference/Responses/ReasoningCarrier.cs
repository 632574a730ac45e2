using System.Text.Json;
using System.Text.Unicode;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Responses;

/// <summary>
/// The state that a model needs back with the next turn, as the <c>encrypted_content</c> of a reasoning item. The Responses API puts there what
/// chat has in <c>extra_content</c>, <c>reasoning_content</c> and <c>reasoning_details</c> (docs/decisions/0016). It is Base64 of JSON, not
/// encrypted: nothing in it is secret from the caller.
/// </summary>
/// <param name="maker">The model, named as in <see cref="CarriedField"/>.</param>
internal sealed class ReasoningCarrier(string maker)
{
    // The same depth as chat: what is written into a request must not be deeper than a request may be.
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 32 };

    private readonly Dictionary<string, string> _calls = [];

    public string Maker => maker;

    /// <summary>The field of a chat message that held the reasoning's text; null if there was none.</summary>
    public string? Field { get; set; }

    /// <summary>The message's <c>extra_content</c>, as JSON.</summary>
    public string? Message { get; set; }

    /// <summary>The message's <c>reasoning_details</c>.</summary>
    public ReasoningDetails Details { get; } = new();

    public bool IsEmpty => Field is null && Message is null && Details.IsEmpty && _calls.Count == 0;

    /// <summary>
    /// Removes and returns the <c>extra_content</c> of a call; null if it has none. Removing keeps calls that share an id from growing the request.
    /// </summary>
    public string? TakeCall(string id) => _calls.Remove(id, out var extra) ? extra : null;

    /// <param name="id">The id by which the caller knows the call.</param>
    /// <param name="extra">The call's <c>extra_content</c>, as JSON.</param>
    public void AddCall(string id, string extra) => _calls[id] = extra;

    /// <summary>Merges the carrier of another item of the same answer.</summary>
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

    /// <returns>Null if the text was not written here, for example by OpenAI: a conversation may have started elsewhere.</returns>
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
        catch (Exception exception) when (JsonText.IsUnreadable(exception))
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
            Message = root.TryGetObject("message"u8, out var message) ? message.GetRawText() : null,
        };
        if (root.TryGetProperty("details"u8, out var details) && details.ValueKind == JsonValueKind.Array)
        {
            carrier.Details.Add(details.GetRawText());
        }

        if (root.TryGetObject("calls"u8, out var calls))
        {
            foreach (var call in calls.EnumerateObject().Where(call => call.Value.ValueKind == JsonValueKind.Object))
            {
                carrier.AddCall(call.Name, call.Value.GetRawText());
            }
        }

        return carrier;
    }
}
