using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>The errors of a request body that do not depend on its operation.</summary>
internal static class JsonRequestErrors
{
    public static Problem NotUtf8 { get; } = new(CoreErrors.MalformedJson, "The body is not valid UTF-8.");

    /// <summary>For the exception of a reader that meets an unpaired surrogate in a string that it must decode.</summary>
    public static Problem NotUnicode { get; } = new(CoreErrors.MalformedJson, "A string of the body is not valid Unicode.");

    /// <summary>The most top-level fields of a request: each is remembered for the whole call, and documented requests have some fifty.</summary>
    public const int MostFields = 1000;

    public static ErrorDetail TooManyFields { get; } = new(ErrorDetail.WholeBody, $"must have at most {MostFields} fields.");

    public static ErrorDetail NotAnObject { get; } = new(ErrorDetail.WholeBody, "must be a JSON object.");

    /// <summary>Parsers differ on which duplicate wins, and the upstream must read the value that was checked.</summary>
    public static ErrorDetail Twice(string field) => new(field, JsonProblems.Twice);

    public static ErrorDetail Required(string field) => new(field, "is required.");
}
