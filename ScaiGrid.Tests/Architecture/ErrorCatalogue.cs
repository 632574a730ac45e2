using ScaiGrid.Core.Errors;

namespace ScaiGrid.Tests.Architecture;

/// <summary>The entries of all error catalogues.</summary>
internal static class ErrorCatalogue
{
    public static IReadOnlyList<(string Owner, Error Error)> Entries { get; } =
    [
        .. from type in Product.Types
           from field in type.GetFields()
           where field.IsStatic && field.FieldType == typeof(Error)
           let error = (Error)field.GetValue(null)!
           orderby error.Code, type.Name
           select (type.Name, error),
    ];
}
