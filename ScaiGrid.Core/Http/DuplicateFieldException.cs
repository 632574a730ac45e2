using System.Text.Json;

namespace ScaiGrid.Core.Http;

/// <summary>Thrown for a name that appears twice in one object.</summary>
/// <param name="field">The path within the document, with a leading dot.</param>
internal sealed class DuplicateFieldException(string field) : JsonException
{
    public string Field { get; } = field;
}
