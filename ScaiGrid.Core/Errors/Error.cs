namespace ScaiGrid.Core.Errors;

/// <summary>An entry of an error catalogue. The code is API: clients branch on it, and it never changes.</summary>
/// <param name="Code">Upper snake case, for example <c>MODEL_NOT_FOUND</c>.</param>
/// <param name="Status">The HTTP status.</param>
/// <param name="Message">The default text for people.</param>
public sealed record Error(string Code, int Status, string Message);
