using System.Data;
using FluentMigrator.Runner.Generators.MySql;

namespace ScaiGrid.Platform.Data;

/// <summary>
/// FluentMigrator's MySQL types with explicit character sets: its own strings are utf8mb3 and case-insensitive. The collations compare code
/// points, as SQLite does.
/// </summary>
internal sealed class MariaDbTypes : MySql5TypeMap
{
    private const string Ascii = " CHARACTER SET ascii COLLATE ascii_bin";
    private const string Utf8 = " CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

    // The longest VARCHAR that fits InnoDB's row size; longer text is LONGTEXT.
    private const int LongestVarchar = 4096;

    protected override void SetupMySqlTypeMaps()
    {
        base.SetupMySqlTypeMaps();
        SetTypeMap(DbType.AnsiString, "VARCHAR($size)" + Ascii, LongestVarchar);
        SetTypeMap(DbType.AnsiString, "LONGTEXT" + Ascii, int.MaxValue);
        SetTypeMap(DbType.String, "VARCHAR(255)" + Utf8);
        SetTypeMap(DbType.String, "VARCHAR($size)" + Utf8, LongestVarchar);
        SetTypeMap(DbType.String, "LONGTEXT" + Utf8, int.MaxValue);
        SetTypeMap(DbType.Boolean, "TINYINT(1)");
    }
}
