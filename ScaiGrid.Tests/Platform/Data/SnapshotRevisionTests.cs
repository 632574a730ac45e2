using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using ScaiGrid.Core;
using ScaiGrid.Core.Data;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Tenancy;
using Xunit;

namespace ScaiGrid.Tests.Platform.Data;

/// <summary>A change of data that is in the snapshot increments its revision, in the same transaction.</summary>
[Trait("needs", "services")]
public sealed class SnapshotRevisionTests(DatabaseServer server)
{
    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task Change_CountsWithItsTransaction_AndIsAnnouncedAfterIt(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        var signal = new RecordingSignal(() => RevisionAsync(database));
        var contexts = database.BuildServices(builder => builder.Services.AddSingleton<ISnapshotSignal>(signal)).GetRequiredService<IDbContextFactory<PlatformDb>>();
        var start = await RevisionAsync(database);

        await using (var db = await contexts.CreateDbContextAsync(TestContext.Current.CancellationToken))
        {
            db.Add(NewPartner());
            await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        }

        Assert.Equal(start + 1, await RevisionAsync(database));
        Assert.Equal([start + 1], signal.RevisionsSeen);

        await Assert.ThrowsAsync<InvalidOperationException>(() => contexts.TransactAsync(
            async (db, token) =>
            {
                db.Add(NewPartner());
                await db.SaveChangesAsync(token);
                throw new InvalidOperationException("given up");
            },
            TestContext.Current.CancellationToken));
        Assert.Equal(start + 1, await RevisionAsync(database));
        Assert.Single(signal.RevisionsSeen);

        await contexts.TransactAsync(
            async (db, token) =>
            {
                db.MarkSnapshotChanged();
                await db.Partners.ExecuteUpdateAsync(update => update.SetProperty(partner => partner.DisplayName, "renamed"), token);
            },
            TestContext.Current.CancellationToken);
        Assert.Equal(start + 2, await RevisionAsync(database));
        Assert.Equal(2, signal.RevisionsSeen.Count);
    }

    [Fact]
    public async Task AnnouncementFails_TheChangeIsStoredAllTheSame()
    {
        using var database = await (await server.CreateAsync(DatabaseKind.Sqlite)).MigratedAsync();
        var signal = new RecordingSignal(() => throw new TimeoutException("Redis is away"));
        var contexts = database.BuildServices(builder => builder.Services.AddSingleton<ISnapshotSignal>(signal)).GetRequiredService<IDbContextFactory<PlatformDb>>();
        var start = await RevisionAsync(database);
        await using var db = await contexts.CreateDbContextAsync(TestContext.Current.CancellationToken);
        db.Add(NewPartner());
        await db.SaveChangesAsync(TestContext.Current.CancellationToken);
        Assert.Equal(start + 1, await RevisionAsync(database));
    }

    [Fact]
    public async Task WritersAtOnce_LoseNoCount()
    {
        using var database = await (await server.CreateAsync(DatabaseKind.MariaDb)).MigratedAsync();
        var start = await RevisionAsync(database);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            for (var i = 0; i < 10; i++)
            {
                await database.Contexts.TransactAsync(
                    (db, _) =>
                    {
                        db.Add(NewPartner());
                        return Task.CompletedTask;
                    },
                    TestContext.Current.CancellationToken);
            }
        }));
        Assert.Equal(start + 80, await RevisionAsync(database));
    }

    private static Partner NewPartner()
    {
        var id = Ids.New(Ids.Partner, TimeProvider.System);
        return new Partner { Id = id, Slug = id, DisplayName = id, CreatedAt = DateTimeOffset.UnixEpoch, UpdatedAt = DateTimeOffset.UnixEpoch };
    }

    private static async Task<long> RevisionAsync(TestDatabase database) =>
        long.Parse((await database.QueryAsync("SELECT revision FROM snapshot_revision")).Single(), System.Globalization.CultureInfo.InvariantCulture);

    private sealed class RecordingSignal(Func<Task<long>> revision) : ISnapshotSignal
    {
        public List<long> RevisionsSeen { get; } = [];

        public async ValueTask ChangedAsync(CancellationToken cancellationToken) => RevisionsSeen.Add(await revision());
    }
}
