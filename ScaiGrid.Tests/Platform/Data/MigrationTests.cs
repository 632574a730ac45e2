using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Data;
using ScaiGrid.Platform.Migrations;
using Xunit;

namespace ScaiGrid.Tests.Platform.Data;

/// <summary>The migration streams, their lock and the bootstrap.</summary>
[Trait("needs", "services")]
public sealed class MigrationTests(DatabaseServer server)
{
    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task SecondRun_FindsNothingToDo_AndChangesNoRow(DatabaseKind kind)
    {
        using var database = await server.CreateAsync(kind);
        var (succeeded, first) = await database.MigrateAsync();
        Assert.True(succeeded, first);
        Assert.Matches("sgk_[A-Za-z0-9_-]{43}", first);
        await database.ExecuteAsync("UPDATE models SET display_name = 'mine'");

        var (again, second) = await database.MigrateAsync();
        Assert.True(again, second);
        Assert.Equal("core: nothing to do", second.Trim());
        Assert.Equal(["mine"], await database.QueryAsync("SELECT display_name FROM models"));
        Assert.Equal(["1"], await database.QueryAsync("SELECT COUNT(*) FROM api_keys"));
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task TwoAtOnce_OneWorks_AndTheOtherFindsNothingToDo(DatabaseKind kind)
    {
        using var database = await server.CreateAsync(kind);
        var both = await Task.WhenAll(YieldAndMigrateAsync(), YieldAndMigrateAsync());
        Assert.All(both, run => Assert.True(run.Succeeded, run.Output));
        Assert.Single(both, run => run.Output.Contains("core: nothing to do", StringComparison.Ordinal));
        Assert.Single(both, run => run.Output.Contains("applied 1 tenancy", StringComparison.Ordinal));
        Assert.Equal(["1"], await database.QueryAsync("SELECT COUNT(*) FROM partners"));

        async Task<(bool Succeeded, string Output)> YieldAndMigrateAsync()
        {
            await Task.Yield();
            return await database.MigrateAsync();
        }
    }

    [Fact]
    public async Task InterruptedRun_IsRepeatedOnMariaDb()
    {
        // The state after a migrator was killed between a statement and the record of its version: MariaDB has no transactions for DDL.
        using var database = await (await server.CreateAsync(DatabaseKind.MariaDb)).MigratedAsync();
        await database.ExecuteAsync("DELETE FROM version_core WHERE version <> 6");
        await database.ExecuteAsync("ALTER TABLE tenants DROP FOREIGN KEY fk_tenants_partner");
        await database.ExecuteAsync("ALTER TABLE tenants DROP INDEX ux_tenants_slug");
        await database.ExecuteAsync("DROP TABLE routing_targets");

        // Rows are inserted in one transaction with the version of their migration.
        await database.ExecuteAsync("DELETE FROM model_prices");

        var (succeeded, output) = await database.MigrateAsync();
        Assert.True(succeeded, output);
        Assert.Equal(["1"], await database.QueryAsync("SELECT COUNT(*) FROM information_schema.referential_constraints WHERE constraint_schema = DATABASE() AND constraint_name = 'fk_tenants_partner'"));
        Assert.Equal(["1"], await database.QueryAsync("SELECT COUNT(*) FROM information_schema.statistics WHERE table_schema = DATABASE() AND index_name = 'ux_tenants_slug'"));
        Assert.Empty(await database.QueryAsync("SELECT * FROM routing_targets"));
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task FailingModule_IsNamedWithStepAndReason_AndTheOthersMigrate(DatabaseKind kind)
    {
        using var database = await server.CreateAsync(kind);
        var (succeeded, output) = await database.MigrateAsync(MigrationStream.Core, Module("failing", "FailingModule"), Module("good", "GoodModule"));
        Assert.False(succeeded);
        Assert.Matches("failing: FAILED at 2 broken step: .*no_such_table", output);
        Assert.Contains("good: applied 1 things", output, StringComparison.Ordinal);
        Assert.Equal(["1"], await database.QueryAsync("SELECT version FROM version_mod_good"));
        Assert.Equal(["1"], await database.QueryAsync("SELECT version FROM version_mod_failing"));
    }

    [Fact]
    public async Task Status_TellsAppliedAndPending_AndCreatesNothing()
    {
        using var database = await (await server.CreateAsync(DatabaseKind.Sqlite)).MigratedAsync();
        await using var output = new StringWriter();
        await new MigrationRun(database.Services, output, output).StatusAsync([MigrationStream.Core, Module("good", "GoodModule")], TestContext.Current.CancellationToken);
        Assert.Contains($"core: {MigrationStream.Core.Steps.Count} applied, 0 pending", output.ToString(), StringComparison.Ordinal);
        Assert.Contains("good: 0 applied, 1 pending", output.ToString(), StringComparison.Ordinal);
        Assert.Equal(["0"], await database.QueryAsync("SELECT COUNT(*) FROM sqlite_master WHERE name = 'version_mod_good'"));
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task LockOfADeadMigrator_RunsOut(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        var expiry = (TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() + 3000) * 1000;
        await database.ExecuteAsync($"UPDATE migration_lock SET owner = 'dead', expires_at = {expiry}");
        var started = TimeProvider.System.GetTimestamp();
        var (succeeded, output) = await database.MigrateAsync();
        Assert.True(succeeded, output);
        Assert.Contains("Another migrator is at work", output, StringComparison.Ordinal);
        Assert.InRange(TimeProvider.System.GetElapsedTime(started).TotalSeconds, 2, 15);
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task Bootstrap_StoresTheKeyAsAHashOnly(DatabaseKind kind)
    {
        using var database = await server.CreateAsync(kind);
        var (_, output) = await database.MigrateAsync();
        var key = System.Text.RegularExpressions.Regex.Match(output, "sgk_[A-Za-z0-9_-]+").Value;
        await using var db = await database.Contexts.CreateDbContextAsync(TestContext.Current.CancellationToken);
        var stored = await db.ApiKeys.SingleAsync(TestContext.Current.CancellationToken);
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(key))), stored.Hash);
        Assert.Equal("sgk_", stored.Prefix);
        Assert.Equal("scailabs/echo", (await db.Models.SingleAsync(TestContext.Current.CancellationToken)).Slug);
        Assert.Equal("super_admin", (await db.UserRoles.SingleAsync(TestContext.Current.CancellationToken)).Role);
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task EveryModel_HasThePricesOfItsVersion_AlsoWhereTheyWereNotNoted(DatabaseKind kind)
    {
        const string Prices = "SELECT version * 1000 + image_price * 10 + audio_price_per_minute FROM model_prices WHERE input_price_per_mtok > 0 ORDER BY version";
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        Assert.Equal(["1000"], await database.QueryAsync(Prices));

        // The state before the migration: the recorded version lacks the unit prices, and the model's current version is not recorded.
        await database.ExecuteAsync("DELETE FROM version_core WHERE version = 72");
        await database.ExecuteAsync("UPDATE models SET image_price = 7, audio_price_per_minute = 8, price_version = 2");
        var (succeeded, output) = await database.MigrateAsync();
        Assert.True(succeeded, output);
        Assert.Equal(["1078", "2078"], await database.QueryAsync(Prices));
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task TenantOfTheIdentityProvider_IsKnownThereByItsSlug_AndNoOtherIs(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();

        // The state before the migration.
        await database.ExecuteAsync($"DROP INDEX ux_tenants_external_slug{(kind is DatabaseKind.MariaDb ? " ON tenants" : "")}");
        await database.ExecuteAsync("ALTER TABLE tenants DROP COLUMN external_slug");
        await database.ExecuteAsync("DELETE FROM version_core WHERE version = 80");
        await database.ExecuteAsync(
            "INSERT INTO tenants (id, partner_id, external_id, slug, display_name, status, settings, created_at, updated_at) "
            + "SELECT 'tnt_theirs', id, 'theirs', 'their-slug', 'Theirs', 'active', '{}', 1, 1 FROM partners");
        var (succeeded, output) = await database.MigrateAsync();
        Assert.True(succeeded, output);
        Assert.Equal(["their-slug"], await database.QueryAsync("SELECT external_slug FROM tenants WHERE external_id IS NOT NULL"));
        Assert.Equal(["0"], await database.QueryAsync("SELECT COUNT(*) FROM tenants WHERE external_id IS NULL AND external_slug IS NOT NULL"));
    }

    private static MigrationStream Module(string id, string folder) =>
        MigrationStream.ForModule(id, typeof(MigrationTests).Assembly, $"{typeof(MigrationTests).Namespace}.{folder}");
}
