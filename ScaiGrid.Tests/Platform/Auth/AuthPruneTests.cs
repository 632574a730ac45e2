using ScaiGrid.Core.Data;
using ScaiGrid.Platform.Auth;
using ScaiGrid.Platform.Auth.ScaiKey;
using ScaiGrid.Tests.Platform.Data;
using Xunit;

namespace ScaiGrid.Tests.Platform.Auth;

[Trait("needs", "services")]
public sealed class AuthPruneTests(DatabaseServer server)
{
    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task WhatIsLongPast_IsRemoved_AndNothingElse(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        var cancellationToken = TestContext.Current.CancellationToken;
        var now = TimeProvider.System.GetUtcNow();
        var (old, recent) = (now.AddDays(-31), now.AddDays(-29));
        await using (var db = await database.Contexts.CreateDbContextAsync(cancellationToken))
        {
            db.ScaiKeyEvents.AddRange(new() { EventId = "old", ReceivedAt = old }, new() { EventId = "recent", ReceivedAt = recent });

            // More rows than are removed at once.
            db.ScaiKeyResources.AddRange(
                Enumerable.Range(0, 1001).Select(i => new ScaiKeyResource { Type = ScaiKeyDirectory.Membership, ExternalId = $"g/{i}", ToldAt = old }));
            db.ScaiKeyResources.AddRange(
                new() { Type = ScaiKeyDirectory.Membership, ExternalId = "g/recent", ToldAt = recent },
                new() { Type = "user", ExternalId = "u", ToldAt = old });
            await db.SaveChangesAsync(cancellationToken);
        }

        await new AuthPrune(database.Contexts, TimeProvider.System).RunAsync(cancellationToken);
        Assert.Equal(["recent"], await database.QueryAsync("SELECT event_id FROM scaikey_events"));
        Assert.Equal(["g/recent", "u"], await database.QueryAsync("SELECT external_id FROM scaikey_resources ORDER BY external_id"));
    }
}
