using FluentMigrator.Builders;
using FluentMigrator.Infrastructure;
using ScaiGrid.Core;

namespace ScaiGrid.Platform.Data;

/// <summary>
/// The column types for migrations, the same for both databases. <see cref="MariaDbTypes"/> maps them to MariaDB's types.
/// </summary>
public static class ColumnTypes
{
    /// <summary>A prefixed ULID, see <see cref="Ids"/>.</summary>
    public static TNext AsId<TNext>(this IColumnTypeSyntax<TNext> column)
        where TNext : IFluentSyntax => column.AsAnsiString(Ids.MaxLength);

    /// <summary>ASCII, compared byte by byte: hashes, codes, request ids.</summary>
    public static TNext AsAscii<TNext>(this IColumnTypeSyntax<TNext> column, int length)
        where TNext : IFluentSyntax => column.AsAnsiString(length);

    /// <summary>Text up to a number of characters, compared byte by byte.</summary>
    public static TNext AsText<TNext>(this IColumnTypeSyntax<TNext> column, int length)
        where TNext : IFluentSyntax => column.AsString(length);

    /// <summary>Text of any length.</summary>
    public static TNext AsLongText<TNext>(this IColumnTypeSyntax<TNext> column)
        where TNext : IFluentSyntax => column.AsString(int.MaxValue);

    /// <summary>A JSON document, stored as text: the databases' own JSON types are not needed.</summary>
    public static TNext AsJson<TNext>(this IColumnTypeSyntax<TNext> column)
        where TNext : IFluentSyntax => column.AsString(int.MaxValue);

    /// <summary>A time, see <see cref="Microseconds"/>. (FluentMigrator's own AsTime is a time of day.)</summary>
    public static TNext AsTimestamp<TNext>(this IColumnTypeSyntax<TNext> column)
        where TNext : IFluentSyntax => column.AsInt64();

    /// <summary>Money, see <see cref="Money"/>.</summary>
    public static TNext AsNanos<TNext>(this IColumnTypeSyntax<TNext> column)
        where TNext : IFluentSyntax => column.AsInt64();
}
