using System.Text;
using System.Text.Json;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Responses;

/// <summary>An output item: reasoning, a message, a refusal or a function call.</summary>
/// <param name="kind">The kind of item.</param>
/// <param name="id">The id: <c>rs_…</c>, <c>msg_…</c> or <c>fc_…</c>.</param>
/// <param name="index">The position among the items.</param>
internal sealed class ResponseItem(ResponseItemKind kind, string id, int index)
{
    public ResponseItemKind Kind => kind;

    public string Id => id;

    public int Index => index;

    /// <summary>The text, or the call's arguments.</summary>
    public StringBuilder Text { get; } = new();

    /// <summary>The position among the message's calls.</summary>
    public int CallIndex { get; set; }

    public string CallId { get; set; } = "";

    /// <summary>True if the call's arguments are a complete JSON object.</summary>
    public bool HasWholeArguments => Text.Length > 0 && "} \t\r\n".Contains(Text[^1], StringComparison.Ordinal) && IsObject(Text.ToString());

    public string Name { get; set; } = "";

    /// <summary>The namespace of the function; null if it has none.</summary>
    public string? Namespace { get; set; }

    /// <summary>The state that the model needs back with the next turn; reasoning items only.</summary>
    public ReasoningCarrier? Carrier { get; set; }

    /// <summary>True for reasoning without text, which exists only for the state that it carries.</summary>
    public bool IsSilent { get; set; }

    /// <summary>True if the text is a content part of the item.</summary>
    public bool HasPart => kind != ResponseItemKind.FunctionCall && !IsSilent;

    public bool IsDone { get; set; }

    /// <summary>True if the model was stopped within this item.</summary>
    public bool IsCut { get; set; }

    public static string Prefix(ResponseItemKind kind) => kind switch
    {
        ResponseItemKind.Reasoning => "rs",
        ResponseItemKind.FunctionCall => "fc",
        _ => "msg",
    };

    /// <summary>The name of the property that holds <see cref="Text"/>.</summary>
    public string TextName => kind switch
    {
        ResponseItemKind.FunctionCall => "arguments",
        ResponseItemKind.Refusal => "refusal",
        _ => "text",
    };

    /// <summary>Whole, or as far as it has come.</summary>
    public void Write(Utf8JsonWriter writer, bool isEmpty = false)
    {
        writer.WriteStartObject();
        writer.WriteString("id"u8, id);
        switch (kind)
        {
            case ResponseItemKind.Reasoning:
                writer.WriteString("type"u8, "reasoning"u8);
                writer.WriteStartArray("summary"u8);
                WritePart(writer, isEmpty || IsSilent);
                writer.WriteEndArray();
                if (!isEmpty && Carrier is not null)
                {
                    writer.WriteString("encrypted_content"u8, Carrier.Write());
                }

                break;
            case ResponseItemKind.Message or ResponseItemKind.Refusal:
                writer.WriteString("type"u8, "message"u8);
                WriteStatus(writer, isEmpty);
                writer.WriteString("role"u8, "assistant"u8);
                writer.WriteStartArray("content"u8);
                WritePart(writer, isEmpty);
                writer.WriteEndArray();
                break;
            default:
                writer.WriteString("type"u8, "function_call"u8);
                WriteStatus(writer, isEmpty);
                writer.WriteString("call_id"u8, CallId);
                writer.WriteString("name"u8, Name);
                if (Namespace is not null)
                {
                    writer.WriteString("namespace"u8, Namespace);
                }

                writer.WriteString("arguments"u8, isEmpty ? "" : Text.ToString());
                break;
        }

        writer.WriteEndObject();
    }

    /// <summary>The text as a part; nothing when the item is to show none yet.</summary>
    public void WritePart(Utf8JsonWriter writer, bool isEmpty, bool always = false)
    {
        if (isEmpty && !always)
        {
            return;
        }

        writer.WriteStartObject();
        writer.WriteString("type"u8, kind switch
        {
            ResponseItemKind.Reasoning => "summary_text"u8,
            ResponseItemKind.Refusal => "refusal"u8,
            _ => "output_text"u8,
        });
        writer.WriteString(TextName, isEmpty ? "" : Text.ToString());
        if (kind == ResponseItemKind.Message)
        {
            writer.WriteStartArray("annotations"u8);
            writer.WriteEndArray();
        }

        writer.WriteEndObject();
    }

    private void WriteStatus(Utf8JsonWriter writer, bool isEmpty) =>
        writer.WriteString("status"u8, isEmpty ? "in_progress"u8 : IsCut ? "incomplete"u8 : "completed"u8);

    private static bool IsObject(string text)
    {
        try
        {
            using var document = JsonText.Parse(text);
            return document.RootElement.ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}

internal enum ResponseItemKind
{
    Reasoning,
    Message,

    /// <summary>A message in which the model refuses to answer.</summary>
    Refusal,
    FunctionCall,
}
