using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Data;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Models;
using ScaiGrid.Platform.Snapshot;
using ScaiGrid.Platform.Tenancy;
using ScaiGrid.Tests.Architecture;
using Xunit;

namespace ScaiGrid.Tests.Platform.Data;

/// <summary>A replica reads the rows that changed, and keeps the others.</summary>
[Trait("needs", "services")]
public sealed class SnapshotRowsTests(DatabaseServer server)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void EverySnapshottedEntity_IsATableOfTheSnapshot() => Assert.Equal(
        Product.Types.Where(type => type.IsAssignableTo(typeof(ISnapshotted)) && type.IsClass).Select(type => type.Name).Order(StringComparer.Ordinal),
        new SnapshotRows().Tables.Select(table => table.Name).Order(StringComparer.Ordinal));

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task ChangedRows_AreReadAgain_AndNoOthers(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        var (changing, deleted, steady) = (NewPartner(), NewPartner(), NewPartner());
        await SaveAsync(database, db => db.AddRange(changing, deleted, steady));
        var rows = new SnapshotRows();
        await rows.ReadAsync(database.Contexts, Cancellation);
        var (before, model) = (rows.Partners.Find(changing.Id), rows.Models.All.Single());

        var added = NewPartner();
        await SaveAsync(database, async db =>
        {
            (await db.Partners.SingleAsync(row => row.Id == changing.Id, Cancellation)).DisplayName = "changed";
            db.Remove(await db.Partners.SingleAsync(row => row.Id == deleted.Id, Cancellation));
            db.Add(added);
        });
        var unchanged = rows.Partners.Find(steady.Id);
        await rows.ReadAsync(database.Contexts, Cancellation);

        Assert.NotSame(before, rows.Partners.Find(changing.Id));
        Assert.Equal("changed", rows.Partners.Find(changing.Id)!.DisplayName);
        Assert.Null(rows.Partners.Find(deleted.Id));
        Assert.NotNull(rows.Partners.Find(added.Id));
        Assert.Same(unchanged, rows.Partners.Find(steady.Id));
        Assert.Same(model, rows.Models.All.Single());
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task RowsOfOneOwner_ChangeTogether(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        var rows = new SnapshotRows();
        await rows.ReadAsync(database.Contexts, Cancellation);
        var target = rows.Targets.All.Single();
        await SaveAsync(database, async db => db.Remove(await db.Backends.SingleAsync(row => row.Id == target.BackendId, Cancellation)));
        await rows.ReadAsync(database.Contexts, Cancellation);
        Assert.Empty(rows.Backends.All);

        await SaveAsync(database, db => db.Add(NewBackend(rows.Providers.All.Single().Id, target.BackendId)));
        await SaveAsync(database, db => db.Add(new RoutingTarget { ModelId = target.ModelId, BackendId = target.BackendId, Priority = 7 }));
        await rows.ReadAsync(database.Contexts, Cancellation);
        Assert.Equal(7, Assert.Single(rows.Targets.Of(target.ModelId)).Priority);
    }

    [Theory]
    [InlineData("UPDATE partners SET display_name = 'by hand'; UPDATE snapshot_revision SET revision = revision + 1")]
    [InlineData("UPDATE partners SET display_name = 'by hand'; UPDATE snapshot_revision SET revision = revision - 1")]
    [InlineData("UPDATE partners SET display_name = 'by hand'; UPDATE snapshot_revision SET revision = revision + 5000; INSERT INTO snapshot_changes VALUES ((SELECT revision FROM snapshot_revision), 'models', 'x')")]
    public async Task RevisionThatNobodyExplains_ReadsEverything(string change)
    {
        using var database = await (await server.CreateAsync(DatabaseKind.Sqlite)).MigratedAsync();
        var rows = new SnapshotRows();
        await rows.ReadAsync(database.Contexts, Cancellation);
        await database.ExecuteAsync(change);
        await rows.ReadAsync(database.Contexts, Cancellation);
        Assert.All(rows.Partners.All, row => Assert.Equal("by hand", row.DisplayName));
    }

    [Fact]
    public async Task ChangeThatPassedTheTrackerBy_ReadsEverything()
    {
        using var database = await (await server.CreateAsync(DatabaseKind.Sqlite)).MigratedAsync();
        var rows = new SnapshotRows();
        await rows.ReadAsync(database.Contexts, Cancellation);
        await database.Contexts.TransactAsync(
            async (db, token) =>
            {
                db.MarkSnapshotChanged();
                await db.Partners.ExecuteUpdateAsync(update => update.SetProperty(partner => partner.DisplayName, "in bulk"), token);
            },
            Cancellation);
        await rows.ReadAsync(database.Contexts, Cancellation);
        Assert.All(rows.Partners.All, row => Assert.Equal("in bulk", row.DisplayName));
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task ManyChangesAtOnce_AreNotedAsTheWholeTable_AndOldNotesGo(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        await SaveAsync(database, db => db.AddRange(Enumerable.Range(0, 300).Select(_ => NewPartner())));
        Assert.Equal(["*"], await database.QueryAsync("SELECT owner FROM snapshot_changes WHERE revision = (SELECT MAX(revision) FROM snapshot_changes)"));

        await database.ExecuteAsync("UPDATE snapshot_revision SET revision = revision + 3000");
        var last = NewPartner();
        await SaveAsync(database, db => db.Add(last));
        Assert.Equal([last.Id], await database.QueryAsync("SELECT owner FROM snapshot_changes"));
    }

    private static Task SaveAsync(TestDatabase database, Action<PlatformDb> change) =>
        SaveAsync(database, db =>
        {
            change(db);
            return Task.CompletedTask;
        });

    private static async Task SaveAsync(TestDatabase database, Func<PlatformDb, Task> change)
    {
        await using var db = await database.Contexts.CreateDbContextAsync(Cancellation);
        await change(db);
        await db.SaveChangesAsync(Cancellation);
    }

    private static Partner NewPartner()
    {
        var id = Ids.New(Ids.Partner, TimeProvider.System);
        return new Partner { Id = id, Slug = id, DisplayName = id, CreatedAt = DateTimeOffset.UnixEpoch, UpdatedAt = DateTimeOffset.UnixEpoch };
    }

    private static Backend NewBackend(string providerId, string id) => new()
    {
        Id = id,
        ProviderId = providerId,
        Name = "again",
        Model = "echo",
        Uri = "echo:echo",
        CreatedAt = DateTimeOffset.UnixEpoch,
        UpdatedAt = DateTimeOffset.UnixEpoch,
    };
}
