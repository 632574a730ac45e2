using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Unicode;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>Reads and checks a request of one JSON object in one pass over its bytes. Fields that it does not know pass untouched.</summary>
/// <param name="rules">Of the fields that it knows; the rest of a field's meaning is the operation's to check.</param>
/// <param name="required">Fields that must be there.</param>
internal sealed class JsonRequestReader(FrozenDictionary<string, FieldRule> rules, params IReadOnlyList<string> required)
{
    /// <summary>On success the request owns <paramref name="body"/>; on a problem it is disposed.</summary>
    /// <param name="body">The request's bytes.</param>
    /// <param name="check">What the rules cannot say; runs when they found nothing.</param>
    /// <param name="problem">What is wrong.</param>
    /// <returns>Null with a problem.</returns>
    public JsonRequest? Read(PooledBytes body, Action<JsonRequest, Mistakes>? check, out Problem? problem)
    {
        var request = new JsonRequest(body);
        problem = Read(body.Span, request, check);
        if (problem is null)
        {
            return request;
        }

        request.Dispose();
        return null;
    }

    private Problem? Read(ReadOnlySpan<byte> json, JsonRequest request, Action<JsonRequest, Mistakes>? check)
    {
        if (!Utf8.IsValid(json))
        {
            return new Problem(CoreErrors.MalformedJson, "The body is not valid UTF-8.");
        }

        var mistakes = new Mistakes();
        try
        {
            ReadDocument(json, request, mistakes);
            if (mistakes.Count == 0)
            {
                check?.Invoke(request, mistakes);
            }
        }
        catch (JsonException exception)
        {
            return JsonProblems.Malformed(exception);
        }
        catch (InvalidOperationException)
        {
            // What the reader throws for half of a surrogate pair.
            return new Problem(CoreErrors.MalformedJson, "A string of the body is not valid Unicode.");
        }

        return mistakes.Count > 0 ? new Problem(CoreErrors.Validation, Details: mistakes) : null;
    }

    private void ReadDocument(ReadOnlySpan<byte> json, JsonRequest request, Mistakes mistakes)
    {
        var reader = new Utf8JsonReader(json);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            mistakes.Add(new ErrorDetail("body", "must be a JSON object."));
            reader.Skip();
            reader.Read();
            return;
        }

        var seen = new HashSet<string>();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            if (!seen.Add(name))
            {
                // Parsers differ on which of two wins; what we check must be what the upstream reads.
                mistakes.Add(new ErrorDetail(name, "is there twice."));
            }

            var fits = FieldRule.Check(rules, ref reader, name, mistakes);
            if (fits && name == "model")
            {
                request.Model = reader.GetString()!;
            }

            var (start, isNull) = ((int)reader.TokenStartIndex, reader.TokenType == JsonTokenType.Null);
            reader.Skip();
            if (!isNull)
            {
                request.Add(name, new JsonSpan(start, (int)reader.BytesConsumed - start));
            }
        }

        // Anything but white space after the document is an error that only another read shows.
        reader.Read();
        PropertyNames.Check(json);
        foreach (var name in required)
        {
            if (!request.Has(name))
            {
                mistakes.Add(new ErrorDetail(name, "is required."));
            }
        }
    }
}
