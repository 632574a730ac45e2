using System.Text.Json;
using System.Text.RegularExpressions;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Core.Http;

/// <summary>Tells broken JSON (400) from a field of the wrong type (422, with the field's name).</summary>
public static partial class JsonProblems
{
    private const string Twice = "is there twice.";

    public static Problem From(JsonException exception)
    {
        var field = exception.Path?.TrimStart('$').TrimStart('.');
        if (exception is DuplicateFieldException inside)
        {
            return Problem.Invalid($"{field}{inside.Field}".TrimStart('.'), Twice);
        }

        // The serializer says so in its text alone. Its texts are never translated.
        if (DuplicateProperty().Match(exception.Message) is { Success: true, Groups: [_, { Value: var name }] })
        {
            var parent = field is null || field == name ? "" : field.EndsWith($".{name}", StringComparison.Ordinal) ? field[..^name.Length] : $"{field}.";
            return Problem.Invalid($"{parent}{name}".TrimStart('.'), Twice);
        }

        // The serializer wraps the reader's syntax error, and only that, in an exception of the reader's own type.
        var syntax = exception.InnerException is JsonException || exception.GetType() != typeof(JsonException);
        return syntax || field is null
            ? Malformed(exception)
            : Problem.Invalid(field.Length == 0 ? "body" : field, "has the wrong type.");
    }

    [GeneratedRegex("^Duplicate property '([^']*)'")]
    private static partial Regex DuplicateProperty();

    /// <summary>The text is not JSON.</summary>
    public static Problem Malformed(JsonException exception) => new(
        CoreErrors.MalformedJson,
        $"The body is not valid JSON (line {exception.LineNumber + 1}, byte {exception.BytePositionInLine + 1}).");
}
