using System.Text.Json;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Core.Http;

/// <summary>Tells broken JSON (400) from a field of the wrong type (422, with the field's name).</summary>
public static class JsonProblems
{
    public static Problem From(JsonException exception)
    {
        var field = exception.Path?.TrimStart('$').TrimStart('.');

        // The serializer wraps the reader's syntax error, and only that, in an exception of the reader's own type.
        var syntax = exception.InnerException is JsonException || exception.GetType() != typeof(JsonException);
        return syntax || field is null
            ? Malformed(exception)
            : Problem.Invalid(field.Length == 0 ? "body" : field, "has the wrong type.");
    }

    /// <summary>The text is not JSON.</summary>
    public static Problem Malformed(JsonException exception) => new(
        CoreErrors.MalformedJson,
        $"The body is not valid JSON (line {exception.LineNumber + 1}, byte {exception.BytePositionInLine + 1}).");
}
