using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using ScaiGrid.Core.Data;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Platform.Auth;
using ScaiGrid.Platform.Auth.ScaiKey;
using ScaiGrid.Platform.Events;
using ScaiGrid.Platform.Identity;
using ScaiGrid.Tests.Platform.Data;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Auth;

/// <summary>The pull synchronisation with a fake admin API, on both databases.</summary>
[Trait("needs", "services")]
public sealed class ScaiKeySyncTests(DatabaseServer server)
{
    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task LostEvents_AreMadeGood(DatabaseKind kind)
    {
        await using var scaiKey = await FakeIssuer.StartAsync(isScaiKey: true);
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        using var http = new IssuerHttp(new InferenceOptions());
        var issuer = Issuer(scaiKey, http);
        var sync = Sync(scaiKey, database, http, issuer);

        scaiKey.Lists["/partners"] = [Item("p1", ("slug", "p-one"), ("display_name", "One"))];
        scaiKey.Lists["/tenants"] = [.. new[] { "t1", "t2", "t3" }.Select(id => Item(id, ("slug", id), ("display_name", id), ("partner_id", "p1"), ("status", "active")))];
        scaiKey.Lists["/users"] = [.. Enumerable.Range(0, 5).Select(i => Item($"u{i}", ("email", $"U{i}@test.example"), ("tenant_id", "t1"), ("status", "active")))];
        scaiKey.Lists["/groups"] = [Group("g1", "u0", "u1")];
        await sync.RunAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["t1", "t2", "t3"], await TenantsAsync("active"));
        Assert.Equal(["u0@test.example", "u1@test.example", "u2@test.example", "u3@test.example", "u4@test.example"], await UsersAsync(UserStatus.Active));
        Assert.Equal(["u0", "u1"], await MembersAsync());
        Assert.Equal(5, await CountAsync("SELECT COUNT(*) FROM user_roles WHERE role = 'tenant_user' AND user_id IN (SELECT id FROM users WHERE external_id IS NOT NULL)"));

        // The second run changes nothing, so the snapshot keeps its revision.
        var revision = await CountAsync("SELECT revision FROM snapshot_revision");
        await sync.RunAsync(TestContext.Current.CancellationToken);
        Assert.Equal(revision, await CountAsync("SELECT revision FROM snapshot_revision"));

        // Users and tenants are suspended, renamed and removed. A user that cannot be stored does not affect the others.
        scaiKey.Lists["/tenants"].RemoveAt(2);
        scaiKey.Lists["/tenants"][1]!["status"] = "suspended";
        scaiKey.Lists["/users"].RemoveAt(4);
        scaiKey.Lists["/users"][3]!["status"] = "suspended";
        scaiKey.Lists["/users"][2]!["email"] = "u0@test.example";
        scaiKey.Lists["/users"][1]!["email"] = "changed@test.example";
        scaiKey.Lists["/groups"] = [Group("g1", "u1", "u2")];
        await sync.RunAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["t1"], await TenantsAsync("active"));
        Assert.Equal(["changed@test.example", "u0@test.example", "u2@test.example"], await UsersAsync(UserStatus.Active));
        Assert.Equal(["u3@test.example"], await UsersAsync(UserStatus.Suspended));
        Assert.Equal(["u4@test.example"], await UsersAsync(UserStatus.Deleted));
        Assert.Equal(["u1", "u2"], await MembersAsync());

        // Nested groups. A webhook event that has just arrived is newer than the list.
        scaiKey.Lists["/groups"].Add(Group("g2"));
        scaiKey.Lists["/groups"][1]!["group_ids"] = new JsonArray("g1");
        scaiKey.Lists["/users"][2]!["status"] = "suspended";
        await database.QueryAsync($"UPDATE scaikey_resources SET told_at = {(TimeProvider.System.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / 10} WHERE external_id = 'u2'");
        await sync.RunAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["g1"], await database.QueryAsync("SELECT g.external_id FROM user_group_children c JOIN user_groups g ON g.id = c.child_id"));
        Assert.Equal(3, (await UsersAsync(UserStatus.Active)).Count);
        scaiKey.Lists["/groups"][1]!["group_ids"] = new JsonArray();
        await sync.RunAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, await CountAsync("SELECT COUNT(*) FROM user_group_children"));

        // A removed user is not deleted again by every run, and is forgotten after a long time.
        var told = await ToldAsync("u4");
        await sync.RunAsync(TestContext.Current.CancellationToken);
        Assert.Equal(told, await ToldAsync("u4"));
        await database.QueryAsync($"UPDATE scaikey_resources SET told_at = {(TimeProvider.System.GetUtcNow().AddDays(-31) - DateTimeOffset.UnixEpoch).Ticks / 10} WHERE external_id = 'u4'");
        await sync.RunAsync(TestContext.Current.CancellationToken);
        Assert.Empty(await ToldAsync("u4"));
        Assert.Single(await ToldAsync("u0"));
        Assert.Equal(["u4@test.example"], await UsersAsync(UserStatus.Deleted));

        // Two tenants exchange their slugs in ScaiKey. Ours stay.
        (scaiKey.Lists["/tenants"][0]!["slug"], scaiKey.Lists["/tenants"][1]!["slug"]) = ("t2", "t1");
        await sync.RunAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["t2", "t1"], await database.QueryAsync("SELECT external_slug FROM tenants WHERE external_id IN ('t1', 't2') ORDER BY external_id"));
        Assert.Equal(["t1", "t2"], await database.QueryAsync("SELECT slug FROM tenants WHERE external_id IN ('t1', 't2') ORDER BY external_id"));

        // A list that is empty or incomplete deletes nobody.
        scaiKey.Lists["/users"] = [];
        await sync.RunAsync(TestContext.Current.CancellationToken);
        Assert.Equal(3, (await UsersAsync(UserStatus.Active)).Count);
        scaiKey.Lists["/users"] = [.. Enumerable.Range(0, 3).Select(i => Item($"u{i}", ("email", $"U{i}@test.example"), ("tenant_id", "t1"), ("status", "active")))];
        scaiKey.LosesCursors = true;
        await Assert.ThrowsAsync<IssuerAwayException>(() => sync.RunAsync(TestContext.Current.CancellationToken));
        Assert.Equal(3, (await UsersAsync(UserStatus.Active)).Count);
        scaiKey.LosesCursors = false;
        scaiKey.Lists.TryRemove("/users", out _);
        await Assert.ThrowsAsync<IssuerAwayException>(() => sync.RunAsync(TestContext.Current.CancellationToken));
        Assert.Equal(3, (await UsersAsync(UserStatus.Active)).Count);

        Task<IReadOnlyList<string>> TenantsAsync(string status) =>
            database.QueryAsync($"SELECT slug FROM tenants WHERE external_id IS NOT NULL AND status = '{status}' ORDER BY slug");

        Task<IReadOnlyList<string>> UsersAsync(string status) =>
            database.QueryAsync($"SELECT email FROM users WHERE external_id IS NOT NULL AND status = '{status}' ORDER BY email");

        Task<IReadOnlyList<string>> MembersAsync() => database.QueryAsync(
            "SELECT u.external_id FROM user_group_members m JOIN users u ON u.id = m.user_id ORDER BY u.external_id");

        Task<IReadOnlyList<string>> ToldAsync(string id) => database.QueryAsync($"SELECT told_at FROM scaikey_resources WHERE type = 'user' AND external_id = '{id}'");

        async Task<long> CountAsync(string sql) => long.Parse((await database.QueryAsync(sql))[0], System.Globalization.CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task ItemThatAWebhookStoresAtTheSameTime_DoesNotEndTheRun()
    {
        await using var scaiKey = await FakeIssuer.StartAsync(isScaiKey: true);
        using var database = await (await server.CreateAsync(DatabaseKind.Sqlite)).MigratedAsync();
        using var http = new IssuerHttp(new InferenceOptions());
        var sync = Sync(scaiKey, database, http, Issuer(scaiKey, http));
        scaiKey.Lists["/partners"] = [Item("p1", ("slug", "p-one"), ("display_name", "One"))];
        scaiKey.Lists["/tenants"] = [Item("t1", ("slug", "t1"), ("display_name", "t1"), ("partner_id", "p1"))];
        scaiKey.Lists["/users"] = [.. Enumerable.Range(0, 3).Select(i => Item($"u{i}", ("email", $"u{i}@test.example"), ("tenant_id", "t1")))];
        scaiKey.Lists["/groups"] = [Group("g1", "u0", "u1", "u2")];

        // Just before the sync stores the membership, its row is there.
        await database.ExecuteAsync(
            "CREATE TRIGGER webhook BEFORE INSERT ON scaikey_resources WHEN NEW.external_id = 'g1/u1' "
            + "BEGIN INSERT INTO scaikey_resources (type, external_id, told_at) VALUES (NEW.type, NEW.external_id, NEW.told_at); END");
        await sync.RunAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["u0", "u2"], await database.QueryAsync("SELECT u.external_id FROM user_group_members m JOIN users u ON u.id = m.user_id ORDER BY u.external_id"));

        await database.ExecuteAsync("DROP TRIGGER webhook");
        await sync.RunAsync(TestContext.Current.CancellationToken);
        Assert.Equal(["3"], await database.QueryAsync("SELECT COUNT(*) FROM user_group_members"));
    }

    private static PlatformIssuer Issuer(FakeIssuer scaiKey, IssuerHttp http) => new(Options(scaiKey), http, TimeProvider.System, NullLogger<Issuer>.Instance);

    private static ScaiKeySync Sync(FakeIssuer scaiKey, TestDatabase database, IssuerHttp http, PlatformIssuer issuer)
    {
        var options = new ScaiKeySyncOptions
        {
            AdminUrl = new Uri(scaiKey.Url),
            PartnersPath = "/partners",
            TenantsPath = "/tenants",
            UsersPath = "/users",
            GroupsPath = "/groups",
        };
        return new ScaiKeySync(
            new ScaiKeyAdmin(issuer, http, Options(scaiKey), options),
            new ScaiKeyDirectory(new UserDirectory(TimeProvider.System), new EventOutbox(TimeProvider.System), Options(scaiKey)),
            database.Contexts,
            options,
            TimeProvider.System,
            NullLogger<ScaiKeySync>.Instance);
    }

    private static ScaiKeyOptions Options(FakeIssuer scaiKey) =>
        new() { Issuer = new Uri(scaiKey.Url), ClientId = FakeIssuer.ClientId, ClientSecret = FakeIssuer.ClientSecret };

    private static JsonObject Item(string id, params (string Name, string Value)[] fields)
    {
        var item = new JsonObject { ["id"] = id };
        foreach (var (name, value) in fields)
        {
            item[name] = value;
        }

        return item;
    }

    private static JsonObject Group(string id, params string[] members)
    {
        var group = Item(id, ("name", id), ("tenant_id", "t1"));
        group["member_ids"] = new JsonArray([.. members.Select(member => (JsonNode)member)]);
        return group;
    }
}
