using System.Text.RegularExpressions;
using ScaiGrid.Core.Data;
using ScaiGrid.Modules;
using ScaiGrid.Platform.Migrations;
using ScaiGrid.Tests.Platform.Data;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Architecture;

/// <summary>The name of every table shows its owner.</summary>
public sealed partial class TableRules
{
    private const string Tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";

    [Fact]
    public async Task TablesOfTheCore_HaveNoModulesPrefix()
    {
        using var database = new TestDatabase(DatabaseKind.Sqlite, new TemporaryFolder());
        await database.MigratedAsync();
        var tables = await database.QueryAsync(Tables);

        Assert.Contains("usage_records", tables);
        Assert.All(tables, table => Assert.Matches(CoreTable(), table));
    }

    [Fact]
    public async Task TablesOfAModule_StartWithItsId()
    {
        using var database = new TestDatabase(DatabaseKind.Sqlite, new TemporaryFolder());
        await database.MigratedAsync();
        foreach (var module in AllModules.Create())
        {
            if (module.Migrations is not { } migrations)
            {
                continue;
            }

            var before = await database.QueryAsync(Tables);
            var (succeeded, output) = await database.MigrateAsync(MigrationStream.Core, MigrationStream.ForModule(module.Manifest.Id, migrations));
            Assert.True(succeeded, output);
            Assert.All((await database.QueryAsync(Tables)).Except(before), table => Assert.True(
                table.StartsWith($"mod_{module.Manifest.Id}_", StringComparison.Ordinal) || table == $"version_mod_{module.Manifest.Id}", table));
        }
    }

    // Quartz chooses the names of its tables.
    [GeneratedRegex("^(QRTZ_[A-Z_]+|(?!mod_)(?!version_mod_)[a-z][a-z0-9_]*)$")]
    private static partial Regex CoreTable();
}
