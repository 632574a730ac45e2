namespace ScaiGrid.Core.Errors;

/// <summary>A mistake in one field of a request.</summary>
/// <param name="Field">Path of the field in the request's own spelling, for example <c>messages[0].role</c>.</param>
/// <param name="Message">What the field must be.</param>
public sealed record ErrorDetail(string Field, string Message)
{
    /// <summary>The <see cref="Field"/> of a mistake that is in no field, because the body is no object.</summary>
    public const string WholeBody = "body";
}
