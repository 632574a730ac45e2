using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using ScaiGrid.Core;

namespace ScaiGrid.Platform.Data;

/// <summary>Conventions for all tables of all contexts: names, ids and times are the same on both databases.</summary>
public static class ModelConventions
{
    /// <summary>Call from <c>ConfigureConventions</c>.</summary>
    public static void UseStoredTypes(this ModelConfigurationBuilder builder) =>
        builder.Properties<DateTimeOffset>().HaveConversion<Microseconds>();

    /// <summary>Call at the end of <c>OnModelCreating</c>: columns are snake_case, ids are short and ASCII.</summary>
    public static void UseStoredNames(this ModelBuilder builder)
    {
        foreach (var property in builder.Model.GetEntityTypes().SelectMany(entity => entity.GetDeclaredProperties()))
        {
            property.SetColumnName(JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name));
            if (IsId(property))
            {
                property.SetIsUnicode(false);
                property.SetMaxLength(property.GetMaxLength() ?? Ids.MaxLength);
            }

            if (property.ClrType == typeof(string) && property.IsUnicode() is false)
            {
                property.SetValueConverter(new AsciiText());
            }
        }
    }

    private static bool IsId(IMutableProperty property) =>
        property.ClrType == typeof(string) && (property.Name.EndsWith("Id", StringComparison.Ordinal) || property.Name == "CreatedBy");
}
