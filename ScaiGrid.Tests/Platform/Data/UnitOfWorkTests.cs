using ScaiGrid.Core.Data;
using ScaiGrid.Platform.Data;
using Xunit;

namespace ScaiGrid.Tests.Platform.Data;

/// <summary>A unit of work is repeated as a whole, and only when that is safe.</summary>
[Trait("needs", "services")]
public sealed class UnitOfWorkTests(DatabaseServer server)
{
    [Fact]
    public async Task Deadlock_RunsTheLoserAgain()
    {
        using var database = await (await server.CreateAsync(DatabaseKind.MariaDb)).MigratedAsync();
        await database.ExecuteAsync("INSERT INTO work_locks (name) VALUES ('a'), ('b')");
        using var bothHoldOne = new Barrier(2);
        var attempts = 0;
        await Task.WhenAll(CrossAsync("a", "b"), CrossAsync("b", "a"));
        Assert.Equal(3, attempts);

        async Task CrossAsync(string first, string second)
        {
            await Task.Yield();
            var mine = 0;
            await database.Contexts.TransactAsync(
                async (db, token) =>
                {
                    Interlocked.Increment(ref attempts);
                    await db.TakeLockAsync(first, token);
                    if (++mine == 1)
                    {
                        bothHoldOne.SignalAndWait(TimeSpan.FromSeconds(20), token);
                    }

                    await db.TakeLockAsync(second, token);
                },
                TestContext.Current.CancellationToken);
        }
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task Lock_LetsOneTransactionInAtATime(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        var inside = 0;
        await Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            await Task.Yield();
            for (var i = 0; i < 5; i++)
            {
                await database.Contexts.TransactAsync(
                    async (db, token) =>
                    {
                        await db.TakeLockAsync("test", token);
                        Assert.Equal(1, Interlocked.Increment(ref inside));
                        await Task.Delay(5, token);
                        Interlocked.Decrement(ref inside);
                    },
                    TestContext.Current.CancellationToken);
            }
        }));
    }

    [Fact]
    public async Task LockOutsideATransaction_IsRefused()
    {
        using var database = await (await server.CreateAsync(DatabaseKind.Sqlite)).MigratedAsync();
        await using var db = await database.Contexts.CreateDbContextAsync(TestContext.Current.CancellationToken);
        await Assert.ThrowsAsync<InvalidOperationException>(() => db.TakeLockAsync("test", TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task Constraints_AreToldApart(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        var duplicate = await Assert.ThrowsAnyAsync<Exception>(() => database.ExecuteAsync("INSERT INTO snapshot_revision (id, revision) VALUES (1, 1)"));
        Assert.True(DatabaseErrors.IsUniqueViolation(duplicate));
        Assert.False(DatabaseErrors.IsForeignKeyViolation(duplicate));
        var orphan = await Assert.ThrowsAnyAsync<Exception>(() => database.ExecuteAsync("INSERT INTO user_roles (user_id, role) VALUES ('nobody', 'x')"));
        Assert.True(DatabaseErrors.IsForeignKeyViolation(orphan));
        Assert.False(DatabaseErrors.IsUniqueViolation(orphan) || DatabaseErrors.IsTransient(orphan) || DatabaseErrors.IsAway(orphan));
    }
}
