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
            return JsonRequestErrors.NotUtf8;
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
            return JsonRequestErrors.NotUnicode;
        }

        return mistakes.Count > 0 ? new Problem(CoreErrors.Validation, Details: mistakes) : null;
    }

    private void ReadDocument(ReadOnlySpan<byte> json, JsonRequest request, Mistakes mistakes)
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

        var seen = new HashSet<string>();
        var left = JsonRequestErrors.MostFields;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            if (!seen.Add(name))
            {
                mistakes.Add(JsonRequestErrors.Twice(name));
            }

            if (--left < 0)
            {
                mistakes.Add(JsonRequestErrors.TooManyFields);
                return;
            }

            ReservedNames.Check(name, name, mistakes);
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
                mistakes.Add(JsonRequestErrors.Required(name));
            }
        }
    }
}
