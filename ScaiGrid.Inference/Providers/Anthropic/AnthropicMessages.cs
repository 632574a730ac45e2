using System.Text.Json;
using ScaiGrid.Inference.Providers.Translation;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Providers.Anthropic;

/// <summary>
/// Writes the turns of a conversation. Anthropic has only two roles, and tool results are parts of the user's turn: consecutive messages of
/// one role are merged into one turn.
/// </summary>
/// <param name="request">The caller's request.</param>
/// <param name="writer">The writer for the turns.</param>
/// <param name="forgetsThoughts">True to omit thinking blocks of earlier turns.</param>
internal sealed class AnthropicMessages(RequestDocument request, Utf8JsonWriter writer, bool forgetsThoughts)
{
    private readonly AnthropicCallIds _ids = new();

    // Written together with what follows them in the turn, which may be in the next message.
    private readonly List<JsonElement> _thoughts = [];

    private bool _isOpen;
    private bool _isUser;
    private bool _hasTurns;

    /// <param name="takesPrefill">True if the model can continue an assistant's unfinished message.</param>
    public void Write(bool takesPrefill)
    {
        writer.WriteStartArray("messages"u8);
        var messages = request.Messages.ToList();
        for (var i = 0; i < messages.Count; i++)
        {
            var message = messages[i];
            switch (JsonText.Of(message, "role"u8))
            {
                case "system" or "developer":
                    break;
                case "assistant":
                    WriteAssistant(message, i, isLast: i == messages.Count - 1);
                    break;
                case "tool" or "function":
                    Open(isUser: true);
                    WriteToolResult(message, i);
                    break;
                default:
                    WriteContent(message, i, isUser: true, trimEnd: false);
                    break;
            }
        }

        // A conversation that ends in a call lacks its result, which the caller must send.
        if (!takesPrefill && _isOpen && !_isUser && !messages[^1].Items("tool_calls"u8).Any())
        {
            Close();
            WriteUser(ConversationRules.Going);
        }

        Close();
        writer.WriteEndArray();
        if (!_hasTurns)
        {
            request.RefuseEmpty();
        }
    }

    /// <summary>
    /// True if the conversation ends within a tool use or an assistant's text whose thinking blocks are missing. With a thinking budget, the
    /// upstream refuses to continue from there.
    /// </summary>
    public static bool ContinuesWithoutThinking(RequestDocument request)
    {
        var messages = request.Messages.ToList();
        var last = messages.FindLastIndex(message => JsonText.Of(message, "role"u8) is not ("tool" or "function"));
        if (last < 0)
        {
            return false;
        }

        // Messages of the assistant that follow each other become one turn.
        var before = messages.FindLastIndex(last, message => JsonText.Of(message, "role"u8) != "assistant");
        return before < last && !messages[(before + 1)..(last + 1)].Exists(message => AnthropicTurn.TryGetThinking(message, out _));
    }

    /// <summary>True if the conversation contains Anthropic's own thinking blocks.</summary>
    public static bool HasThinking(RequestDocument request) => request.Messages.Any(message => AnthropicTurn.TryGetThinking(message, out _));

    private void WriteAssistant(JsonElement message, int index, bool isLast)
    {
        var pieces = AnthropicTurn.Pieces(message);
        for (var i = 0; i < pieces.Count; i++)
        {
            WritePiece(pieces[i], isLast && i == pieces.Count - 1);
        }

        if (pieces.Count == 0)
        {
            foreach (var block in AnthropicTurn.Thoughts(message))
            {
                AddThought(block);
            }

            // A turn that the model is to continue must not end in white space.
            WriteContent(message, index, isUser: false, trimEnd: isLast);
            foreach (var call in message.Items("tool_calls"u8))
            {
                WriteCall(call);
            }
        }

        // One that was cut off has no signature, and is rejected. A whole one may belong to the call of the next message.
        _thoughts.RemoveAll(thought => JsonText.Of(thought, "type"u8) == "thinking" && string.IsNullOrEmpty(JsonText.Of(thought, "signature"u8)));
    }

    private void WritePiece(AnthropicTurn.Piece piece, bool isLast)
    {
        if (piece.Thought is { } thought)
        {
            AddThought(thought);
        }
        else if (piece.Call is { } call)
        {
            WriteCall(call);
        }
        else
        {
            WriteText(piece.Text, trimEnd: isLast, isUser: false, piece.Marked);
        }
    }

    private void AddThought(JsonElement block)
    {
        if (!forgetsThoughts)
        {
            _thoughts.Add(block);
        }
    }

    private void WriteCall(JsonElement call)
    {
        if (call.TryGetObject("function"u8, out var function))
        {
            Open(isUser: false);
            writer.WriteStartObject();
            writer.WriteString("type"u8, "tool_use"u8);
            writer.WriteString("id"u8, _ids.OfCall(JsonText.Of(call, "id"u8) ?? ""));
            function.CopyTo(writer, "name"u8);
            writer.WriteArguments("input"u8, function);
            writer.WriteEndObject();
        }
    }

    private void WriteToolResult(JsonElement message, int index)
    {
        writer.WriteStartObject();
        writer.WriteString("type"u8, "tool_result"u8);
        writer.WriteString("tool_use_id"u8, _ids.OfResult(JsonText.Of(message, "tool_call_id"u8) ?? ""));
        if (message.TryGetProperty("content"u8, out var content))
        {
            // A tool that returned nothing has no content: empty text is rejected.
            if (content.ValueKind == JsonValueKind.String && !IsBlank(content.Raw()))
            {
                writer.WriteRaw("content"u8, content);
            }
            else if (content.ValueKind == JsonValueKind.Array)
            {
                writer.WriteStartArray("content"u8);
                WriteParts(content, index, isUser: null, trimEnd: false);
                writer.WriteEndArray();
            }
        }

        writer.WriteEndObject();
    }

    private void WriteContent(JsonElement message, int index, bool isUser, bool trimEnd)
    {
        if (!RequestDocument.TryGetContent(message, out var content))
        {
            return;
        }

        if (content.ValueKind == JsonValueKind.Array)
        {
            WriteParts(content, index, isUser, trimEnd);
        }
        else if (content.ValueKind == JsonValueKind.String)
        {
            WriteText(content.Raw(), trimEnd, isUser, part: default);
        }
    }

    /// <param name="content">The content parts.</param>
    /// <param name="index">The message's index.</param>
    /// <param name="isUser">True for the user's turn, false for the assistant's; null inside a tool result, which is already open.</param>
    /// <param name="trimEnd">True to remove white space from the end of the last part.</param>
    private void WriteParts(JsonElement content, int index, bool? isUser, bool trimEnd)
    {
        var position = 0;
        var last = content.GetArrayLength() - 1;
        foreach (var element in content.EnumerateArray())
        {
            if (element.ValueKind == JsonValueKind.Object)
            {
                var part = ContentPart.Of(element);
                if (part.Kind == PartKind.Text)
                {
                    WriteText(part.Text, trimEnd && position == last, isUser, element);
                }
                else
                {
                    OpenFor(isUser);
                    WriteMedia(part, element, $"messages[{index}].content[{position}]");
                }
            }

            position++;
        }
    }

    private static bool IsBlank(ReadOnlySpan<byte> json) => json.Length < 64 && string.IsNullOrWhiteSpace(TextOf(json));

    private static string TextOf(ReadOnlySpan<byte> json)
    {
        using var document = JsonDocument.Parse(json.ToArray());
        return JsonText.Of(document.RootElement);
    }

    // Empty text is rejected, and carries no information.
    private void WriteText(ReadOnlySpan<byte> json, bool trimEnd, bool? isUser, JsonElement part)
    {
        var text = trimEnd ? TextOf(json) : null;
        if (text is null ? IsBlank(json) : string.IsNullOrWhiteSpace(text))
        {
            return;
        }

        OpenFor(isUser);
        writer.WriteStartObject();
        writer.WriteString("type"u8, "text"u8);
        if (trimEnd && text!.TrimEnd() is var trimmed && trimmed.Length < text.Length)
        {
            writer.WriteString("text"u8, trimmed);
        }
        else
        {
            writer.WriteRaw("text"u8, json);
        }

        EndBlock(part);
    }

    private void WriteMedia(ContentPart part, JsonElement element, string path)
    {
        var isImage = part.Kind == PartKind.Image || (part.Kind == PartKind.File && part.MediaType.StartsWith("image/", StringComparison.Ordinal));
        if (!isImage && part.Kind != PartKind.File)
        {
            request.Refuse(path, part.Kind == PartKind.Audio ? "is audio, which this model does not accept." : "is of a type that this model does not accept.");
            return;
        }

        request.RefuseBareImage(part, path);
        writer.WriteStartObject();
        writer.WriteString("type"u8, isImage ? "image"u8 : "document"u8);
        writer.WriteStartObject("source"u8);
        if (part.Url.Length > 0)
        {
            writer.WriteString("type"u8, "url"u8);
            writer.WriteString("url"u8, part.Url);
        }
        else if (isImage || part.MediaType is "application/pdf" or "")
        {
            writer.WriteString("type"u8, "base64"u8);
            writer.WriteString("media_type"u8, part.MediaType.Length > 0 ? part.MediaType : isImage ? "image/jpeg" : "application/pdf");
            writer.WriteString("data"u8, part.Base64);
        }
        else
        {
            WritePlainText(part, path);
        }

        writer.WriteEndObject();
        if (!isImage && part.FileName is not null)
        {
            writer.WriteString("title"u8, part.FileName);
        }

        EndBlock(element);
    }

    private void WritePlainText(ContentPart part, string path)
    {
        var bytes = new byte[part.Base64.Length];
        var isText = part.MediaType.StartsWith("text/", StringComparison.Ordinal) || part.MediaType == "application/json";
        if (!isText || System.Buffers.Text.Base64.DecodeFromUtf8(part.Base64, bytes, out _, out var length) != System.Buffers.OperationStatus.Done
            || !System.Text.Unicode.Utf8.IsValid(bytes.AsSpan(0, length)))
        {
            request.Refuse(path, $"is a file of type {part.MediaType}, which this model does not accept.");
            return;
        }

        writer.WriteString("type"u8, "text"u8);
        writer.WriteString("media_type"u8, "text/plain"u8);
        writer.WriteString("data"u8, bytes.AsSpan(0, length));
    }

    private void EndBlock(JsonElement part)
    {
        if (part.ValueKind == JsonValueKind.Object)
        {
            part.CopyTo(writer, "cache_control"u8);
        }

        writer.WriteEndObject();
    }

    private void OpenFor(bool? isUser)
    {
        if (isUser is { } side)
        {
            Open(side);
        }
    }

    private void Open(bool isUser)
    {
        if (!_isOpen || _isUser != isUser)
        {
            Close();
            if (!_hasTurns && !isUser)
            {
                WriteUser(ConversationRules.Beginning);
            }

            Start(isUser);
        }

        // A turn that ends in thoughts is rejected.
        if (isUser)
        {
            _thoughts.Clear();
        }

        foreach (var thought in _thoughts)
        {
            writer.WriteRawValue(thought.Raw(), skipInputValidation: true);
        }

        _thoughts.Clear();
    }

    private void WriteUser(string text)
    {
        Start(isUser: true);
        writer.WriteStartObject();
        writer.WriteString("type"u8, "text"u8);
        writer.WriteString("text"u8, text);
        writer.WriteEndObject();
        Close();
    }

    private void Start(bool isUser)
    {
        writer.WriteStartObject();
        writer.WriteString("role"u8, isUser ? "user"u8 : "assistant"u8);
        writer.WriteStartArray("content"u8);
        (_isOpen, _isUser, _hasTurns) = (true, isUser, true);
    }

    private void Close()
    {
        if (_isOpen)
        {
            writer.WriteEndArray();
            writer.WriteEndObject();
            _isOpen = false;
        }
    }
}
