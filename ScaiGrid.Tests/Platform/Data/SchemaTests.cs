using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using ScaiGrid.Core;
using ScaiGrid.Core.Data;
using ScaiGrid.Platform.Tenancy;
using Xunit;

namespace ScaiGrid.Tests.Platform.Data;

/// <summary>The schema and the model are both written by hand. Here they are compared, on both databases.</summary>
[Trait("needs", "services")]
public sealed class SchemaTests(DatabaseServer server)
{
    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task MigratedTables_AreWhatTheModelSays(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        await using var db = await database.Contexts.CreateDbContextAsync(TestContext.Current.CancellationToken);
        foreach (var entity in db.Model.GetEntityTypes())
        {
            var table = entity.GetTableName()!;
            var expected = entity.GetProperties().Select(property => Describe(property, kind)).Order();
            Assert.Equal(expected, (await database.QueryAsync(ColumnsOf(table, kind))).Order());
            var unique = entity.GetIndexes().Where(index => index.IsUnique).Select(index => Columns(index.Properties)).Order();
            Assert.Equal(unique, (await database.QueryAsync(UniqueIndexesOf(table, kind))).Order());
        }
    }

    [Fact]
    public async Task EveryTextColumnOnMariaDb_IsUtf8mb4OrAscii_AndComparesBytes()
    {
        using var database = await (await server.CreateAsync(DatabaseKind.MariaDb)).MigratedAsync();
        var columns = await database.QueryAsync(
            """
            SELECT CONCAT(table_name, '.', column_name, ' ', collation_name) FROM information_schema.columns
            WHERE table_schema = DATABASE() AND collation_name IS NOT NULL AND collation_name NOT IN ('utf8mb4_bin', 'ascii_bin')
            """);
        Assert.Empty(columns);
        var withoutKey = await database.QueryAsync(
            """
            SELECT t.table_name FROM information_schema.tables t WHERE t.table_schema = DATABASE() AND NOT EXISTS
              (SELECT 1 FROM information_schema.statistics s WHERE s.table_schema = t.table_schema AND s.table_name = t.table_name AND s.index_name = 'PRIMARY')
            """);
        Assert.Empty(withoutKey);
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task TextAndTime_ComeBackAsStored_AndCaseCounts(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        var time = new DateTimeOffset(2026, 2, 3, 4, 5, 6, TimeSpan.FromHours(2)).AddTicks(1234567);
        await using (var db = await database.Contexts.CreateDbContextAsync(TestContext.Current.CancellationToken))
        {
            foreach (var slug in (string[])["emoji-😀", "EMOJI-😀"])
            {
                db.Add(new Partner { Id = Ids.New(Ids.Partner, TimeProvider.System), Slug = slug, DisplayName = "Zoë 😀 \u0001'\"\\", CreatedAt = time, UpdatedAt = time });
            }

            await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        }

        await using var other = await database.Contexts.CreateDbContextAsync(TestContext.Current.CancellationToken);
        var partner = await other.Partners.SingleAsync(row => row.Slug == "emoji-😀", TestContext.Current.CancellationToken);
        Assert.Equal("Zoë 😀 \u0001'\"\\", partner.DisplayName);
        Assert.Equal(time.AddTicks(-7), partner.CreatedAt);
        Assert.Equal(TimeSpan.Zero, partner.CreatedAt.Offset);
    }

    private static string Describe(IProperty property, DatabaseKind kind)
    {
        var type = property.GetTypeMapping().Converter?.ProviderClrType ?? Nullable.GetUnderlyingType(property.ClrType) ?? property.ClrType;
        var stored = (kind, type.Name) switch
        {
            (DatabaseKind.Sqlite, "String") => "TEXT",
            (DatabaseKind.Sqlite, _) => "INTEGER",
            (_, "String") when property.IsUnicode() == false && property.GetMaxLength() is { } length => $"varchar({length})",
            (_, "String") => "text",
            (_, "Int64") => "bigint(20)",
            (_, "Int32") => "int(11)",
            (_, "Boolean") => "tinyint(1)",
            _ => type.Name,
        };
        return $"{property.GetColumnName()} {stored}{(property.IsNullable ? " null" : "")}{(property.IsPrimaryKey() ? " key" : "")}";
    }

    private static string Columns(IEnumerable<IProperty> properties) => string.Join(",", properties.Select(property => property.GetColumnName()));

    // The lengths of plain text columns are only in the schema. The model has the lengths of ASCII columns that hold ids.
    private static string ColumnsOf(string table, DatabaseKind kind) => kind is DatabaseKind.Sqlite
        ? $"SELECT name || ' ' || type || CASE \"notnull\" WHEN 0 THEN ' null' ELSE '' END || CASE WHEN pk > 0 THEN ' key' ELSE '' END FROM pragma_table_info('{table}')"
        : $"""
          SELECT CONCAT(column_name, ' ',
            CASE WHEN column_type IN ('varchar(40)', 'varchar(64)', 'varchar(128)', 'varchar(255)') AND character_set_name = 'ascii' THEN column_type
                 WHEN data_type IN ('varchar', 'longtext') THEN 'text' ELSE column_type END,
            IF(is_nullable = 'YES', ' null', ''), IF(column_key = 'PRI', ' key', ''))
          FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = '{table}'
          """;

    private static string UniqueIndexesOf(string table, DatabaseKind kind) => kind is DatabaseKind.Sqlite
        ? $"SELECT (SELECT group_concat(name, ',') FROM (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno)) FROM pragma_index_list('{table}') i WHERE i.\"unique\" = 1 AND i.origin = 'c'"
        : $"""
          SELECT GROUP_CONCAT(column_name ORDER BY seq_in_index SEPARATOR ',') FROM information_schema.statistics
          WHERE table_schema = DATABASE() AND table_name = '{table}' AND non_unique = 0 AND index_name <> 'PRIMARY' GROUP BY index_name
          """;
}
