using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Google;

/// <summary>
/// Writes the turns of a conversation, and the system instruction, which is separate. Consecutive messages of one side become one turn, because
/// the upstream requires a function call right after the user's turn. Function responses are a turn of their own.
/// </summary>
internal sealed class GoogleContents(RequestDocument request, Utf8JsonWriter writer, GoogleModel model)
{
    /// <summary>The value that the upstream documents for calls made by another model: it requires a signature, and they have none.</summary>
    private const string ForeignSignature = "skip_thought_signature_validator";

    private readonly Dictionary<string, string> _names = [];
    private Turn _open;
    private bool _hasTurns;

    private enum Turn
    {
        None,
        User,
        Answers,
        Model,
    }

    public void Write()
    {
        WriteSystem();
        writer.WriteStartArray("contents"u8);
        var index = 0;
        foreach (var message in request.Messages)
        {
            WriteMessage(message, index++);
        }

        End();
        writer.WriteEndArray();
        if (!_hasTurns)
        {
            request.RefuseEmpty();
        }
    }

    private void WriteSystem()
    {
        var texts = request.Messages.Where(message => JsonText.Of(message, "role"u8) is "system" or "developer")
            .Select(message => message.TryGetProperty("content"u8, out var content) ? JsonText.OfParts(content) : null)
            .Where(text => !string.IsNullOrEmpty(text)).ToList();
        if (texts.Count == 0)
        {
            return;
        }

        writer.WriteStartObject("systemInstruction"u8);
        writer.WriteStartArray("parts"u8);
        foreach (var text in texts)
        {
            writer.WriteStartObject();
            writer.WriteString("text"u8, text);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private void WriteMessage(JsonElement message, int index)
    {
        switch (JsonText.Of(message, "role"u8))
        {
            case "system" or "developer":
            case not ("tool" or "function") when IsEmpty(message):
                break;
            case "tool" or "function":
                Start(Turn.Answers);
                WriteAnswer(message, index);
                break;
            case "assistant":
                Start(Turn.Model);
                WriteContent(message, index, Signature(message));
                WriteCalls(message);
                break;
            default:
                Start(Turn.User);
                WriteContent(message, index, signature: null);
                break;
        }
    }

    // A turn without parts would be rejected, and carries no information.
    private static bool IsEmpty(JsonElement message)
    {
        var isSaid = RequestDocument.TryGetContent(message, out var content)
            && (content.ValueKind == JsonValueKind.Array ? content.EnumerateArray().Any(IsSaying) : content.Raw().Length > 2);
        return !isSaid && Signature(message) is null
            && !message.Items("tool_calls"u8).Any(call => call.TryGetObject("function"u8, out _));
    }

    private static bool IsSaying(JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Object)
        {
            return false;
        }

        var part = ContentPart.Of(element);
        return part.Kind != PartKind.Text || part.Text.Length > 2;
    }

    private void WriteContent(JsonElement message, int index, string? signature)
    {
        RequestDocument.TryGetContent(message, out var content);
        if (content.ValueKind == JsonValueKind.Array)
        {
            WriteParts(content, index);
        }
        else if (content.ValueKind == JsonValueKind.String && (signature is not null || content.Raw().Length > 2))
        {
            writer.WriteStartObject();
            writer.WriteRaw("text"u8, content);
            WriteSignature(signature);
            writer.WriteEndObject();
            return;
        }

        if (signature is not null)
        {
            writer.WriteStartObject();
            writer.WriteString("text"u8, ""u8);
            WriteSignature(signature);
            writer.WriteEndObject();
        }
    }

    private void WriteParts(JsonElement content, int index)
    {
        var position = 0;
        foreach (var element in content.EnumerateArray())
        {
            // Empty text is rejected, for example before a picture.
            if (IsSaying(element))
            {
                WritePart(ContentPart.Of(element), $"messages[{index}].content[{position}]");
            }

            position++;
        }
    }

    private void WritePart(ContentPart part, string path)
    {
        if (part.Kind == PartKind.Other)
        {
            request.Refuse(path, "is of a type that this model does not accept.");
            return;
        }

        request.RefuseBareImage(part, path);
        writer.WriteStartObject();
        if (part.Kind == PartKind.Text)
        {
            writer.WriteRaw("text"u8, part.Text);
        }
        else
        {
            writer.WriteStartObject(part.Url.Length > 0 ? "fileData"u8 : "inlineData"u8);
            writer.WriteString("mimeType"u8, Type(part));
            if (part.Url.Length > 0)
            {
                writer.WriteString("fileUri"u8, part.Url);
            }
            else
            {
                writer.WriteString("data"u8, part.Base64);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }

    private static string Type(ContentPart part) => part.MediaType switch
    {
        "" => part.Kind == PartKind.Image ? "image/jpeg" : "application/pdf",

        // The upstream refuses application/json.
        "application/json" => "text/plain",
        var type => type,
    };

    private void WriteCalls(JsonElement message)
    {
        var isFirst = true;
        foreach (var call in message.Items("tool_calls"u8))
        {
            if (!call.TryGetObject("function"u8, out var function))
            {
                continue;
            }

            writer.WriteStartObject();
            writer.WriteStartObject("functionCall"u8);
            call.CopyTo(writer, "id"u8);
            writer.WriteName(function);
            writer.WriteArguments("args"u8, function);
            writer.WriteEndObject();
            WriteSignature(Signature(call) ?? (isFirst && model.ThinksByLevel ? ForeignSignature : null));
            writer.WriteEndObject();
            isFirst = false;
            if (JsonText.Of(call, "id"u8) is { } id && JsonText.Of(function, "name"u8) is { } name)
            {
                _names[id] = name;
            }
        }
    }

    private void WriteAnswer(JsonElement message, int index)
    {
        var id = JsonText.Of(message, "tool_call_id"u8);
        writer.WriteStartObject();
        writer.WriteStartObject("functionResponse"u8);
        message.CopyTo(writer, "tool_call_id"u8, "id"u8);
        writer.WriteString("name"u8, GoogleNames.Theirs(id is not null && _names.TryGetValue(id, out var name) ? name : JsonText.Of(message, "name"u8) ?? id ?? ""));
        WriteResult(message.TryGetProperty("content"u8, out var content) ? JsonText.OfParts(content) ?? "" : "");
        WriteResultMedia(message, index);
        writer.WriteEndObject();
        writer.WriteEndObject();
    }

    // Images and files that a tool returned: parts of the function response, for models that support them.
    private void WriteResultMedia(JsonElement message, int index)
    {
        var isOpen = false;
        var position = 0;
        foreach (var element in message.Items("content"u8))
        {
            var part = ContentPart.Of(element);
            var path = $"messages[{index}].content[{position++}]";
            if (part.Kind == PartKind.Text)
            {
                continue;
            }

            if (!model.ThinksByLevel)
            {
                request.Refuse(path, "is not text, which is all that this model accepts from a tool.");
                return;
            }

            if (part.Url.Length > 0 || Type(part) is not ("image/png" or "image/jpeg" or "image/webp" or "application/pdf"))
            {
                request.Refuse(path, "is not supported by this model, which accepts from a tool text, or PNG, JPEG, WebP or PDF that is in the request itself.");
                return;
            }

            if (!isOpen)
            {
                writer.WriteStartArray("parts"u8);
                isOpen = true;
            }

            WritePart(part, path);
        }

        if (isOpen)
        {
            writer.WriteEndArray();
        }
    }

    // A result must be an object; anything else is wrapped in one.
    private void WriteResult(string text)
    {
        writer.WritePropertyName("response"u8);
        try
        {
            using var document = JsonText.Parse(text);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                writer.WriteRawValue(document.RootElement.Raw(), skipInputValidation: true);
                return;
            }
        }
        catch (JsonException)
        {
            // Plain text, as most results are.
        }

        writer.WriteStartObject();
        writer.WriteString("result"u8, text);
        writer.WriteEndObject();
    }

    private static string? Signature(JsonElement owner) =>
        owner.TryGetObject("extra_content"u8, out var extra) && extra.TryGetObject("google"u8, out var own)
            ? JsonText.Of(own, "thought_signature"u8)
            : null;

    private void WriteSignature(string? signature)
    {
        if (signature is not null)
        {
            writer.WriteString("thoughtSignature"u8, signature);
        }
    }

    private void Start(Turn turn)
    {
        if (_open == turn)
        {
            return;
        }

        End();
        if (!_hasTurns && turn == Turn.Model)
        {
            Open(Turn.User);
            writer.WriteStartObject();
            writer.WriteString("text"u8, ConversationRules.Beginning);
            writer.WriteEndObject();
            End();
        }

        Open(turn);
    }

    private void Open(Turn turn)
    {
        writer.WriteStartObject();
        writer.WriteString("role"u8, turn == Turn.Model ? "model"u8 : "user"u8);
        writer.WriteStartArray("parts"u8);
        (_open, _hasTurns) = (turn, true);
    }

    private void End()
    {
        if (_open != Turn.None)
        {
            writer.WriteEndArray();
            writer.WriteEndObject();
            _open = Turn.None;
        }
    }
}
