using System.Text.Json;
using System.Text.Unicode;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>Reads and validates a chat request in one pass over its bytes. Unknown fields are kept unchanged.</summary>
public static class ChatRequestReader
{
    /// <summary>On success the request owns <paramref name="body"/>; on a problem it is disposed.</summary>
    /// <returns>Null if there is a problem.</returns>
    public static ChatRequest? Read(PooledBytes body, out Problem? problem)
    {
        var request = new ChatRequest(body);
        problem = Read(body.Span, request);
        if (problem is null)
        {
            return request;
        }

        request.Dispose();
        return null;
    }

    private static Problem? Read(ReadOnlySpan<byte> json, ChatRequest request)
    {
        if (!Utf8.IsValid(json))
        {
            return JsonRequestErrors.NotUtf8;
        }

        var mistakes = new Mistakes();
        try
        {
            ReadDocument(json, request, mistakes);
        }
        catch (JsonException exception)
        {
            return JsonProblems.Malformed(exception);
        }
        catch (InvalidOperationException)
        {
            // The reader throws this for an unpaired surrogate in any name, in the model, or in a part's type.
            return JsonRequestErrors.NotUnicode;
        }

        return mistakes.Count > 0 ? new Problem(CoreErrors.Validation, Details: mistakes) : null;
    }

    private static void ReadDocument(ReadOnlySpan<byte> json, ChatRequest request, Mistakes mistakes)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            mistakes.Add(JsonRequestErrors.NotAnObject);
            reader.Skip();
            reader.Read();
            return;
        }

        var left = JsonRequestErrors.MostFields;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (--left < 0)
            {
                mistakes.Add(JsonRequestErrors.TooManyFields);
                return;
            }

            var name = ChatFieldRules.Name(ref reader, out var isKnown);
            reader.Read();
            if (!request.AddField(name))
            {
                mistakes.Add(JsonRequestErrors.Twice(name));
            }

            if (reader.TokenType == JsonTokenType.Null)
            {
                request.AddNull(name, new JsonSpan((int)reader.TokenStartIndex, "null"u8.Length));
            }

            var start = (int)reader.TokenStartIndex;
            ReadField(ref reader, name, json, request, mistakes);
            reader.Skip();
            var span = new JsonSpan(start, (int)reader.BytesConsumed - start);
            if (isKnown)
            {
                Place(request, name, span);
            }
            else
            {
                ReservedNames.Check(name, name, mistakes);
                request.AddUnknown(name, span);
            }
        }

        // Only another read detects trailing data after the document.
        reader.Read();
        PropertyNames.Check(json);
        foreach (var name in (ReadOnlySpan<string>)["model", "messages"])
        {
            if (!request.Has(name))
            {
                mistakes.Add(JsonRequestErrors.Required(name));
            }
        }
    }

    private static void ReadField(ref Utf8JsonReader reader, string name, ReadOnlySpan<byte> json, ChatRequest request, Mistakes mistakes)
    {
        switch (name)
        {
            case "model":
                if (ChatFieldRules.Check(ref reader, name, mistakes))
                {
                    request.Model = reader.GetString()!;
                }

                break;
            case "stream":
                request.Stream = ChatFieldRules.Check(ref reader, name, mistakes) && reader.TokenType == JsonTokenType.True;
                break;
            case "max_tokens" or "max_completion_tokens":
                if (ChatFieldRules.Check(ref reader, name, mistakes) && reader.TokenType == JsonTokenType.Number)
                {
                    var tokens = reader.GetInt32();
                    request.MaxTokens = request.MaxTokens is { } other ? Math.Min(other, tokens) : tokens;
                }

                break;
            case "n":
                if (ChatFieldRules.Check(ref reader, name, mistakes))
                {
                    request.Choices = reader.GetInt32();
                }

                break;
            case "messages":
                ReadMessages(ref reader, json, request, mistakes);
                break;
            case "stream_options":
                ReadStreamOptions(ref reader, request, mistakes);
                break;
            default:
                ChatFieldRules.Check(ref reader, name, mistakes);
                break;
        }
    }

    private static void Place(ChatRequest request, string name, JsonSpan span)
    {
        switch (name)
        {
            case "model":
                request.ModelSpan = span;
                break;
            case "messages":
                request.MessagesSpan = span;
                break;
            case "metadata":
                request.MetadataSpan = span;
                break;
            case "stream_options":
                request.StreamOptionsSpan = span;
                break;
            case "max_tokens":
                request.MaxTokensSpan = span;
                break;
            case "max_completion_tokens":
                request.MaxCompletionTokensSpan = span;
                break;
        }
    }

    private static void ReadMessages(ref Utf8JsonReader reader, ReadOnlySpan<byte> json, ChatRequest request, Mistakes mistakes)
    {
        if (reader.TokenType != JsonTokenType.StartArray)
        {
            if (reader.TokenType != JsonTokenType.Null)
            {
                mistakes.Add(new ErrorDetail("messages", "must be an array."));
            }

            return;
        }

        var index = 0;
        for (; reader.Read() && reader.TokenType != JsonTokenType.EndArray; index++)
        {
            if (mistakes.IsFull)
            {
                reader.Skip();
                continue;
            }

            ReadMessage(ref reader, index, json, request, mistakes);
        }

        if (index == 0)
        {
            mistakes.Add(new ErrorDetail("messages", "must have at least one message."));
        }
    }

    private static void ReadMessage(ref Utf8JsonReader reader, int index, ReadOnlySpan<byte> json, ChatRequest request, Mistakes mistakes)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            mistakes.Add(new ErrorDetail($"messages[{index}]", "must be an object."));
            reader.Skip();
            return;
        }

        bool hasRole = false, isTool = false, hasParts = false;
        RenamedReasoning renamed = default;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            if (reader.ValueTextEquals("role"u8))
            {
                reader.Read();
                hasRole = reader.TokenType == JsonTokenType.String;
                isTool = hasRole && (reader.ValueTextEquals("tool"u8) || reader.ValueTextEquals("function"u8));
            }
            else if (reader.ValueTextEquals("content"u8))
            {
                hasParts = ReadContent(ref reader, index, request, mistakes);
            }
            else if (reader.ValueTextEquals("audio"u8))
            {
                // Refers to an earlier spoken answer of the assistant by its id.
                reader.Read();
                request.MediaParts += reader.TokenType == JsonTokenType.StartObject ? 1 : 0;
            }
            else if (reader.ValueTextEquals("reasoning"u8))
            {
                renamed = renamed with { Name = new JsonSpan((int)reader.TokenStartIndex, reader.ValueSpan.Length + 2) };
                reader.Read();
            }
            else if (reader.ValueTextEquals("extra_content"u8))
            {
                renamed = ReadMark(ref reader, json, renamed);
            }
            else
            {
                reader.Read();
            }

            reader.Skip();
        }

        if (renamed.Maker is not null)
        {
            request.AddRenamed(renamed);
        }

        request.HasToolParts |= isTool && hasParts;
        if (!hasRole)
        {
            mistakes.Add(new ErrorDetail($"messages[{index}].role", "must be a string."));
        }
    }

    /// <returns>Whether the content is an array of parts.</returns>
    private static bool ReadContent(ref Utf8JsonReader reader, int index, ChatRequest request, Mistakes mistakes)
    {
        reader.Read();
        var hasParts = reader.TokenType == JsonTokenType.StartArray;
        if (reader.TokenType is not (JsonTokenType.String or JsonTokenType.StartArray or JsonTokenType.Null))
        {
            mistakes.Add(new ErrorDetail($"messages[{index}].content", "must be a string or an array of parts."));
        }

        request.MediaParts += hasParts ? ReadParts(ref reader) : 0;
        return hasParts;
    }

    /// <returns>The number of parts that are not text; a part without a type counts, because some servers guess its type.</returns>
    private static int ReadParts(ref Utf8JsonReader reader)
    {
        var media = 0;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            media += reader.TokenType == JsonTokenType.StartObject && !IsText(ref reader) ? 1 : 0;
            reader.Skip();
        }

        return media;
    }

    private static bool IsText(ref Utf8JsonReader reader)
    {
        var isText = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isType = reader.ValueTextEquals("type"u8);
            reader.Read();
            if (isType)
            {
                isText = reader.TokenType == JsonTokenType.String
                    && (reader.ValueTextEquals("text"u8) || reader.ValueTextEquals("refusal"u8) || reader.ValueTextEquals("thinking"u8));
            }

            reader.Skip();
        }

        return isText;
    }

    private static RenamedReasoning ReadMark(ref Utf8JsonReader reader, ReadOnlySpan<byte> json, RenamedReasoning renamed)
    {
        var start = (int)reader.TokenStartIndex;
        reader.Read();
        if (RenamedReasoning.ReadMark(reader) is not { } maker)
        {
            return renamed;
        }

        reader.Skip();
        return renamed with { Mark = RenamedReasoning.WithComma(json, new JsonSpan(start, (int)reader.BytesConsumed - start)), Maker = maker };
    }

    private static void ReadStreamOptions(ref Utf8JsonReader reader, ChatRequest request, Mistakes mistakes)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            if (reader.TokenType != JsonTokenType.Null)
            {
                mistakes.Add(new ErrorDetail("stream_options", "must be an object."));
            }

            return;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isUsage = reader.ValueTextEquals("include_usage"u8);
            if (!isUsage)
            {
                var name = reader.GetString()!;
                ReservedNames.Check(name, $"stream_options.{name}", mistakes);
            }

            reader.Read();
            if (isUsage)
            {
                if (reader.TokenType is not (JsonTokenType.True or JsonTokenType.False or JsonTokenType.Null))
                {
                    mistakes.Add(new ErrorDetail("stream_options.include_usage", "must be true or false."));
                }

                request.IncludeUsage = reader.TokenType == JsonTokenType.True;
                request.IncludeUsageSpan = new JsonSpan((int)reader.TokenStartIndex, (int)(reader.BytesConsumed - reader.TokenStartIndex));
            }

            reader.Skip();
        }
    }
}
