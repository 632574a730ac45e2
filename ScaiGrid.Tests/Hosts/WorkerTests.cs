using ScaiGrid.Core.Data;
using ScaiGrid.Tests.Platform.Data;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Hosts;

/// <summary>The Worker as a process.</summary>
[Trait("needs", "services")]
public sealed class WorkerTests(DatabaseServer server)
{
    [Fact]
    public async Task PendingMigrations_KeepItFromStarting()
    {
        using var database = await server.CreateAsync(DatabaseKind.Sqlite);
        var (code, output) = await ModeProcess.RunToEndAsync(Mode.Worker, Settings(database, "redis://127.0.0.1:1"), TestContext.Current.CancellationToken);
        Assert.Equal(1, code);
        Assert.Contains("run migrate first", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task KilledWorker_IsTakenOverByAnother(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        await using var redis = await RedisServer.StartAsync();
        var settings = Settings(database, redis.Url);
        await using var first = await ModeProcess.StartAsync(Mode.Worker, settings, TestContext.Current.CancellationToken);
        await WaitForFireAfterAsync(database, 0);
        await using var second = await ModeProcess.StartAsync(Mode.Worker, settings, TestContext.Current.CancellationToken);
        await first.KillAsync();
        var killed = TimeProvider.System.GetTimestamp();
        var last = await LastFireAsync(database);

        // Waits for two runs, because the first may have started before the worker was killed.
        await WaitForFireAfterAsync(database, await WaitForFireAfterAsync(database, last));
        Assert.InRange(TimeProvider.System.GetElapsedTime(killed).TotalSeconds, 0, 30);
        Assert.Equal(0, await second.TerminateAsync());
    }

    [Fact]
    public async Task DatabaseDies_ItGoesOnWhenThatIsBack_AndEndsInTimeWhileItIsAway()
    {
        await using var mariaDb = await MariaDbServer.StartAsync();
        using var database = await new TestDatabase(DatabaseKind.MariaDb, mariaDb.Url()).MigratedAsync();
        await using var redis = await RedisServer.StartAsync();
        await using var worker = await ModeProcess.StartAsync(Mode.Worker, Settings(database, redis.Url), TestContext.Current.CancellationToken);
        var last = await WaitForFireAfterAsync(database, 0);
        await mariaDb.KillAsync();
        await Task.Delay(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
        await mariaDb.RestartAsync();
        await WaitForFireAfterAsync(database, await WaitForFireAfterAsync(database, last));

        await mariaDb.KillAsync();
        await Task.Delay(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken);
        var asked = TimeProvider.System.GetTimestamp();
        Assert.Equal(0, await worker.TerminateAsync());
        Assert.InRange(TimeProvider.System.GetElapsedTime(asked).TotalSeconds, 0, 10);
    }

    private static Dictionary<string, string> Settings(TestDatabase database, string redis) => new()
    {
        ["SCAIGRID_DATABASE_URL"] = database.Url,
        ["SCAIGRID_REDIS_URL"] = redis,
        ["SCAIGRID_SECRET_KEY"] = Secrets.SecretKey,
        ["SCAIGRID_USAGE_FLUSH_INTERVAL_S"] = "1",
    };

    private static async Task<long> WaitForFireAfterAsync(TestDatabase database, long time)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(120));
        while (true)
        {
            if (await LastFireAsync(database) is var fire && fire > time)
            {
                return fire;
            }

            await Task.Delay(200, patience.Token);
        }
    }

    private static async Task<long> LastFireAsync(TestDatabase database) =>
        (await database.QueryAsync("SELECT COALESCE(MAX(PREV_FIRE_TIME), 0) FROM QRTZ_TRIGGERS WHERE TRIGGER_NAME = 'accounting.usage_flush'"))
            .Select(text => long.Parse(text, System.Globalization.CultureInfo.InvariantCulture))
            .Single();
}
