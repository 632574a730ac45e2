using System.Text.Json;
using System.Text.RegularExpressions;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Core.Http;

/// <summary>Distinguishes invalid JSON (400) from a field of the wrong type (422, with the field's name).</summary>
public static partial class JsonProblems
{
    /// <summary>The message for a field that a body has twice.</summary>
    public const string Twice = "appears twice.";

    public static Problem From(JsonException exception)
    {
        var field = exception.Path?.TrimStart('$').TrimStart('.');
        if (exception is DuplicateFieldException inside)
        {
            return Problem.Invalid($"{field}{inside.Field}".TrimStart('.'), Twice);
        }

        // The serializer reports these two only by its message, which is not localised.
        if (UnknownProperty().Match(exception.Message) is { Success: true, Groups: [_, { Value: var unknown }] })
        {
            return Problem.Invalid(Within(field, unknown), "is not a field of this request.");
        }

        if (DuplicateProperty().Match(exception.Message) is { Success: true, Groups: [_, { Value: var name }] })
        {
            return Problem.Invalid(Within(field, name), Twice);
        }

        // Syntax errors, and only these, are of the reader's own exception type or wrap it.
        var syntax = exception.InnerException is JsonException || exception.GetType() != typeof(JsonException);
        return syntax || field is null
            ? Malformed(exception)
            : Problem.Invalid(field.Length == 0 ? ErrorDetail.WholeBody : field, Wrong(exception));
    }

    /// <summary>Why a value cannot be read. The reader tells these cases apart only by its messages, too.</summary>
    private static string Wrong(JsonException exception) => exception.InnerException switch
    {
        FormatException { Message: var text } when text.EndsWith("Int32.", StringComparison.Ordinal) => $"must be a whole number from {int.MinValue} to {int.MaxValue}.",
        FormatException { Message: var text } when text.EndsWith("Int64.", StringComparison.Ordinal) => $"must be a whole number from {long.MinValue} to {long.MaxValue}.",
        InvalidOperationException { Message: var text } when text.Contains("UTF", StringComparison.Ordinal) => "is not valid Unicode.",
        _ => "has the wrong type.",
    };

    /// <summary>The path of a property. The serializer's path includes the name in one of two notations, or not at all.</summary>
    private static string Within(string? path, string name)
    {
        var parent = path ?? "";
        foreach (var last in (ReadOnlySpan<string>)[$".{name}", $"['{name}']"])
        {
            parent = parent.EndsWith(last, StringComparison.Ordinal) ? parent[..^last.Length] : parent;
        }

        return parent == name || parent.Length == 0 ? name : $"{parent}.{name}";
    }

    [GeneratedRegex("^The JSON property '(.*)' could not be mapped", RegexOptions.Singleline)]
    private static partial Regex UnknownProperty();

    [GeneratedRegex("^Duplicate property '([^']*)'")]
    private static partial Regex DuplicateProperty();

    [GeneratedRegex("^The maximum configured depth of ([0-9]+) has been exceeded")]
    private static partial Regex TooDeep();

    /// <summary>The text is not JSON, or is nested too deeply.</summary>
    public static Problem Malformed(JsonException exception)
    {
        var place = $"(line {exception.LineNumber + 1}, byte {exception.BytePositionInLine + 1})";
        return new Problem(
            CoreErrors.MalformedJson,
            TooDeep().Match(exception.Message) is { Success: true } depth ? $"The body is nested deeper than {depth.Groups[1].Value} {place}." : $"The body is not valid JSON {place}.");
    }
}
