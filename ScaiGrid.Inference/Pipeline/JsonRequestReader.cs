using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Unicode;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>Reads and validates a request of one JSON object in one pass. Unknown fields are kept unchanged.</summary>
/// <param name="rules">The rules of the known fields; further checks belong to the operation.</param>
/// <param name="required">The required fields.</param>
internal sealed class JsonRequestReader(FrozenDictionary<string, FieldRule> rules, params IReadOnlyList<string> required)
{
    /// <summary>On success the request owns <paramref name="body"/>; on a problem it is disposed.</summary>
    /// <param name="body">The request's bytes.</param>
    /// <param name="check">Checks beyond the rules; runs if the rules found no errors.</param>
    /// <param name="problem">The errors found.</param>
    /// <returns>Null if there is a problem.</returns>
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
            // The reader throws this for an unpaired surrogate.
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
                // Parsers differ on which duplicate wins, and the upstream must read the value that was checked.
                mistakes.Add(new ErrorDetail(name, "appears twice."));
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

        // Only another read detects trailing data after the document.
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
