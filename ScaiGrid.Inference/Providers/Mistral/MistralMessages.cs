using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Mistral;

/// <summary>The messages in Mistral's dialect: files are document URLs, audio is plain base64, and call ids are nine letters or digits.</summary>
internal sealed class MistralMessages(RequestDocument request, Utf8JsonWriter writer)
{
    private const int IdLength = 9;
    private const string IdLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    public void Write()
    {
        writer.WriteStartArray("messages"u8);
        var messages = InOrder();
        string? previous = null;
        for (var i = 0; i < messages.Count; i++)
        {
            var (message, index, role) = messages[i];
            if (previous == "tool" && role == "user")
            {
                WriteAcknowledgement();
            }

            WriteMessage(message, index, role, isLast: i == messages.Count - 1);
            previous = role;
        }

        writer.WriteEndArray();
        if (messages.Count == 0)
        {
            request.RefuseEmpty();
        }
    }

    /// <summary>
    /// The messages, with system messages where the upstream accepts them: at the start or after a user's, but never at the end. Others are moved
    /// behind the first system messages.
    /// </summary>
    private List<(JsonElement Message, int Index, string? Role)> InOrder()
    {
        var messages = request.Messages.Select((message, index) => (Message: message, Index: index, Role: Role(message)))
            .Where(message => message.Role != "assistant" || !IsEmpty(message.Message)).ToList();
        var last = messages.FindLastIndex(message => message.Role != "system");
        var start = messages.FindIndex(message => message.Role != "system");
        if (last < 0)
        {
            return messages;
        }

        if (last < messages.Count - 1 && messages[last].Role == "assistant")
        {
            // Moving it would leave the assistant's text last, and the model would continue that text.
            request.Refuse($"messages[{messages[last + 1].Index}]", "is a system message after the assistant's last message, which this model does not accept.");
        }

        var ordered = messages[..start];
        var others = new List<(JsonElement, int, string?)>(messages.Count - start);
        string? before = null;
        foreach (var (place, message) in messages.Index().Skip(start))
        {
            if (message.Role != "system")
            {
                before = message.Role;
                others.Add(message);
            }
            else if (before == "user" && place < last)
            {
                others.Add(message);
            }
            else
            {
                ordered.Add(message);
            }
        }

        ordered.AddRange(others);
        return ordered;
    }

    // The upstream rejects it, for example an answer that was stopped before it began.
    private static bool IsEmpty(JsonElement message) => !message.Items("tool_calls"u8).Any()
        && (!RequestDocument.TryGetContent(message, out var content) || (content.ValueKind == JsonValueKind.Array
            ? content.EnumerateArray().All(part => ContentPart.IsText(part, out var text) && text.RawInner().IsEmpty)
            : content.Raw().Length <= 2));

    private static string? Role(JsonElement message) => JsonText.Of(message, "role"u8) switch { "developer" => "system", "function" => "tool", var role => role };

    // The upstream requires an assistant message between a tool's result and the user's next message.
    private void WriteAcknowledgement()
    {
        writer.WriteStartObject();
        writer.WriteString("role"u8, "assistant"u8);
        writer.WriteString("content"u8, "OK."u8);
        writer.WriteEndObject();
    }

    private void WriteMessage(JsonElement message, int index, string? role, bool isLast)
    {
        writer.WriteStartObject();
        writer.WriteString("role"u8, role);
        WriteContent(message, index);
        if (role == "tool")
        {
            WriteId("tool_call_id"u8, message, "tool_call_id"u8);
            message.CopyTo(writer, "name"u8);
        }
        else if (role == "assistant")
        {
            var calls = message.Items("tool_calls"u8).ToList();
            WriteCalls(calls);
            if (isLast && calls.Count == 0)
            {
                // Asks the model to continue this message; without it the upstream rejects a conversation that ends with an assistant.
                writer.WriteBoolean("prefix"u8, true);
            }
            else
            {
                message.CopyTo(writer, "prefix"u8);
            }
        }

        writer.WriteEndObject();
    }

    private void WriteContent(JsonElement message, int index)
    {
        if (!RequestDocument.TryGetContent(message, out var content))
        {
            return;
        }

        if (content.ValueKind != JsonValueKind.Array)
        {
            writer.WriteRaw("content"u8, content);
            return;
        }

        writer.WriteStartArray("content"u8);
        var position = 0;
        foreach (var part in content.EnumerateArray())
        {
            WritePart(part, $"messages[{index}].content[{position++}]");
        }

        writer.WriteEndArray();
    }

    private void WritePart(JsonElement element, string path)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            return;
        }

        var part = ContentPart.Of(element);
        if (part.Kind == PartKind.Other && JsonText.Of(element, "type"u8) is not ("document_url" or "reference" or "thinking"))
        {
            request.Refuse(path, "is of a type that this model does not accept.");
            return;
        }

        request.RefuseBareImage(part, path);
        if (part.Kind == PartKind.Other)
        {
            writer.WriteRawValue(element.Raw(), skipInputValidation: true);
            return;
        }

        writer.WriteStartObject();
        switch (part.Kind)
        {
            case PartKind.Text:
                writer.WriteString("type"u8, "text"u8);
                writer.WriteRaw("text"u8, part.Text);
                break;
            case PartKind.Image:
                writer.WriteString("type"u8, "image_url"u8);
                element.CopyTo(writer, "image_url"u8);
                break;
            case PartKind.Audio:
                writer.WriteString("type"u8, "input_audio"u8);
                writer.WriteString("input_audio"u8, part.Url.Length > 0 ? part.Url : part.Base64);
                break;
            default:
                writer.WriteString("type"u8, "document_url"u8);
                if (part.Url.Length > 0)
                {
                    writer.WriteString("document_url"u8, part.Url);
                }
                else
                {
                    writer.WriteString("document_url"u8, DataUrl(part));
                }

                if (part.FileName is not null)
                {
                    writer.WriteString("document_name"u8, part.FileName);
                }

                break;
        }

        writer.WriteEndObject();
    }

    private static byte[] DataUrl(ContentPart part) =>
        [.. Encoding.UTF8.GetBytes($"data:{(part.MediaType.Length > 0 ? part.MediaType : "application/pdf")};base64,"), .. part.Base64];

    private void WriteCalls(List<JsonElement> calls)
    {
        if (calls.Count == 0)
        {
            return;
        }

        writer.WriteStartArray("tool_calls"u8);
        foreach (var call in calls)
        {
            writer.WriteStartObject();
            WriteId("id"u8, call, "id"u8);
            writer.WriteString("type"u8, "function"u8);
            if (call.TryGetObject("function"u8, out var function))
            {
                writer.WriteStartObject("function"u8);
                function.CopyTo(writer, "name"u8);
                function.CopyTo(writer, "arguments"u8);
                writer.WriteEndObject();
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    // Other providers' call ids are longer. A call and its result are shortened to the same id.
    private void WriteId(ReadOnlySpan<byte> name, JsonElement owner, ReadOnlySpan<byte> property)
    {
        if (JsonText.Of(owner, property) is not { } id)
        {
            return;
        }

        if (id.Length != IdLength || !id.All(char.IsAsciiLetterOrDigit))
        {
            var hash = SHA256.HashData(Encoding.UTF8.GetBytes(id));
            id = string.Create(IdLength, hash, static (span, bytes) =>
            {
                for (var i = 0; i < span.Length; i++)
                {
                    span[i] = IdLetters[bytes[i] % IdLetters.Length];
                }
            });
        }

        writer.WriteString(name, id);
    }
}
