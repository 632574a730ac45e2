using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using ScaiGrid.Core;
using ScaiGrid.Core.Data;
using ScaiGrid.Platform.Accounting;
using ScaiGrid.Platform.Data;
using ScaiGrid.Tests.Platform.Data;
using Xunit;

namespace ScaiGrid.Tests.Platform.Accounting;

/// <summary>Usage records are deleted when their retention is over.</summary>
[Trait("needs", "services")]
public sealed class UsageRetentionTests(DatabaseServer server)
{
    private const int Days = 40;

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task OldRecords_AreDeleted_AndTheNextRunsReadNothingUntilTheNextDay(DatabaseKind kind)
    {
        var database = await (await server.CreateAsync(kind)).MigratedAsync();
        var now = new DateTimeOffset(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);
        var clock = new FakeTimeProvider(now) { AutoAdvanceAmount = TimeSpan.FromMilliseconds(1) };
        string young, younger;
        await using (var db = database.Contexts.CreateDbContext())
        {
            var bound = new DateTimeOffset(2026, 6, 1, 0, 0, 0, TimeSpan.Zero).AddDays(-Days);
            db.UsageRows.AddRange(Row(bound.AddDays(-3)), Row(bound.AddSeconds(-1)));
            young = Add(db, bound);
            younger = Add(db, bound.AddDays(1));
            await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        }

        var contexts = new CountingContexts(database.Contexts);
        var retention = new UsageRetention(contexts, new AccountingOptions { UsageRetentionDays = Days }, clock, NullLogger<UsageRetention>.Instance);
        await RunAsync();
        Assert.Equal([young, younger], await database.QueryAsync("SELECT id FROM usage_records ORDER BY id"));

        var opened = contexts.Opened;
        await RunAsync();
        Assert.Equal(opened, contexts.Opened);

        clock.Advance(TimeSpan.FromDays(1));
        await RunAsync();
        Assert.Equal([younger], await database.QueryAsync("SELECT id FROM usage_records"));

        async Task RunAsync()
        {
            var run = retention.RunAsync(TestContext.Current.CancellationToken);
            while (!run.IsCompleted)
            {
                await Task.Delay(5);
                clock.Advance(TimeSpan.FromMilliseconds(50));
            }

            await run;
        }
    }

    private static string Add(PlatformDb db, DateTimeOffset createdAt)
    {
        var row = Row(createdAt);
        db.UsageRows.Add(row);
        return row.Id;
    }

    private static UsageRow Row(DateTimeOffset createdAt) => new()
    {
        Id = $"{Ids.Usage}_{Ulid.NewUlid(createdAt)}",
        RequestId = "r",
        CreatedAt = createdAt,
        TenantId = "t",
        PartnerId = "p",
        UserId = "u",
        ModelId = "m",
        Model = "m",
        BackendId = "b",
        Protocol = "native",
        Status = "ok",
        TokensIn = 1,
        TokensOut = 1,
        CachedTokens = 0,
        ReasoningTokens = 0,
        Cost = 1,
        BackendCost = 1,
        PriceVersion = 1,
        LatencyMs = 1,
        Estimated = false,
    };

    private sealed class CountingContexts(IDbContextFactory<PlatformDb> inner) : IDbContextFactory<PlatformDb>
    {
        public int Opened { get; private set; }

        public PlatformDb CreateDbContext()
        {
            Opened++;
            return inner.CreateDbContext();
        }
    }
}
