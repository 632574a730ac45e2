using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Data;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Identity;
using ScaiGrid.Platform.Snapshot;
using ScaiGrid.Tests.Platform.Data;
using Xunit;

namespace ScaiGrid.Tests.Platform.Identity;

/// <summary>Writes the data of an identity provider to both databases. Webhooks and synchronisation use this code.</summary>
[Trait("needs", "services")]
public sealed class UserDirectoryTests(DatabaseServer server)
{
    private static readonly PermissionCatalogue Catalogue = new([]);
    private readonly UserDirectory _directory = new(TimeProvider.System);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task WhatIsToldTwice_IsThereOnce(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        var first = await TellAsync(database, "Ada");
        var revision = await RevisionAsync(database);
        Assert.Equal(first, await TellAsync(database, "Ada"));
        Assert.Equal(revision, await RevisionAsync(database));
        Assert.Equal(first, await TellAsync(database, "Ada Lovelace"));
        await using var db = await database.Contexts.CreateDbContextAsync(Token);

        // The users of the bootstrap have no external id.
        Assert.Equal("Ada Lovelace", (await db.Users.SingleAsync(user => user.ExternalId != null, Token)).DisplayName);
        Assert.Equal(1, await db.Partners.CountAsync(partner => partner.ExternalId != null, Token));
        Assert.Equal(1, await db.Tenants.CountAsync(tenant => tenant.ExternalId != null, Token));
        Assert.Equal(1, await db.GroupMembers.CountAsync(Token));
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task SlugInUse_IsMadeDistinct_AndALocalUserIsSomebodyElse(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        var (tenantId, _) = await TellAsync(database, "Ada");
        var other = await database.Contexts.TransactAsync(
            async (db, token) =>
            {
                var partner = await _directory.PutPartnerAsync(db, new DirectoryPartner("p-2", "partner", "Other"), token);
                return await _directory.PutTenantAsync(db, new DirectoryTenant("t-2", partner.Id, "tenant", "Other"), token);
            },
            Token);
        Assert.StartsWith("tenant-", other.Slug, StringComparison.Ordinal);

        // A local user with all permissions, whose account cannot be taken over through the email address.
        var now = TimeProvider.System.GetUtcNow();
        await database.Contexts.TransactAsync(
            (db, _) =>
            {
                var local = new User { Id = Ids.New(Ids.User, TimeProvider.System), TenantId = tenantId, Email = "root@test.example", DisplayName = "Root", CreatedAt = now, UpdatedAt = now };
                db.AddRange(local, new UserRole { UserId = local.Id, Role = Roles.SuperAdmin });
                return Task.CompletedTask;
            },
            Token);
        var refused = await Assert.ThrowsAsync<ApiException>(() => database.Contexts.TransactAsync(
            (db, token) => _directory.PutUserAsync(db, new DirectoryUser(tenantId, "sub-evil", "ROOT@test.example", "Evil"), token), Token));
        Assert.Equal(409, refused.Problem.Error.Status);
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task DeletedUser_ComesBackWithNothing(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        var (tenantId, userId) = await TellAsync(database, "Ada");
        await database.Contexts.TransactAsync(
            async (db, token) =>
            {
                db.Add(new UserRole { UserId = userId, Role = Roles.TenantAdmin });
                await db.SaveChangesAsync(token);
                await _directory.DeleteUserAsync(db, await db.Users.SingleAsync(user => user.Id == userId, token), token);
            },
            Token);
        Assert.Empty((await GrantsAsync(database, userId)).Permissions);

        // The user comes back under the same id, without the roles of before.
        Assert.Equal((tenantId, userId), await TellAsync(database, "Ada"));
        Assert.Empty((await GrantsAsync(database, userId)).Permissions);
        await using var db = await database.Contexts.CreateDbContextAsync(Token);
        Assert.Equal((UserStatus.Active, User.NotDeleted), await db.Users.Where(user => user.Id == userId).Select(user => ValueTuple.Create(user.Status, user.DeletedAt)).SingleAsync(Token));
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task GroupsInGroups_CarryRolesToTheirMembers(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        var (tenantId, userId) = await TellAsync(database, "Ada");
        var (outer, middle, inner) = (await GroupAsync(database, tenantId, "outer"), await GroupAsync(database, tenantId, "middle"), await GroupAsync(database, tenantId, "team"));
        await MapAsync(database, outer, Roles.TenantUser, autoRevoke: true);
        await MapAsync(database, outer, Roles.TenantViewer, autoRevoke: false);
        Assert.Empty((await GrantsAsync(database, userId)).Roles);

        await DoAsync(database, (db, token) => Memberships.AddChildAsync(db, middle, inner, token));
        await DoAsync(database, (db, token) => Memberships.AddChildAsync(db, outer, middle, token));
        var grants = await GrantsAsync(database, userId);
        Assert.Equal([Roles.TenantViewer], grants.Assigned);
        Assert.Equal([Roles.TenantUser], grants.FromGroups);

        // A cycle, which only an identity provider can create.
        await DoAsync(database, (db, token) => Memberships.AddChildAsync(db, inner, outer, token));
        Assert.Equal([Roles.TenantUser], (await GrantsAsync(database, userId)).FromGroups);

        // Without the group in the middle its members lose the roles that it passed on. Assigned roles stay.
        await DoAsync(database, (db, token) => Memberships.DeleteGroupAsync(db, middle, token));
        grants = await GrantsAsync(database, userId);
        Assert.Equal([Roles.TenantViewer], grants.Assigned);
        Assert.Empty(grants.FromGroups);
    }

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task DeletedGroup_IsNoMembersInTheSnapshot(DatabaseKind kind)
    {
        using var database = await (await server.CreateAsync(kind)).MigratedAsync();
        var (tenantId, userId) = await TellAsync(database, "Ada");
        var group = await GroupAsync(database, tenantId, "team");
        var rows = new SnapshotRows();
        await rows.ReadAsync(database.Contexts, Token);
        Assert.Equal(group.Id, Assert.Single(rows.Memberships.Of(userId)).GroupId);

        await DoAsync(database, (db, token) => Memberships.DeleteGroupAsync(db, group, token));
        await rows.ReadAsync(database.Contexts, Token);
        Assert.Empty(rows.Memberships.Of(userId));
    }

    /// <summary>Creates a partner, a tenant, a group, and a user in the group.</summary>
    private async Task<(string TenantId, string UserId)> TellAsync(TestDatabase database, string name) => await database.Contexts.TransactAsync(
        async (db, token) =>
        {
            var partner = await _directory.PutPartnerAsync(db, new DirectoryPartner("p-1", "partner", "Partner"), token);
            var tenant = await _directory.PutTenantAsync(db, new DirectoryTenant("t-1", partner.Id, "tenant", "Tenant"), token);
            var user = await _directory.PutUserAsync(db, new DirectoryUser(tenant.Id, "sub-1", "Ada@Test.Example", name), token);
            var group = await _directory.PutGroupAsync(db, new DirectoryGroup(tenant.Id, "team", "Team"), token);
            await Memberships.AddMemberAsync(db, group, user, token);
            return (tenant.Id, user.Id);
        },
        Token);

    private Task<Group> GroupAsync(TestDatabase database, string tenantId, string name) => database.Contexts.TransactAsync(
        (db, token) => _directory.PutGroupAsync(db, new DirectoryGroup(tenantId, name, name), token), Token);

    private static Task MapAsync(TestDatabase database, Group group, string role, bool autoRevoke) => DoAsync(database, (db, token) => Memberships.AddMappingAsync(
        db,
        new RoleMapping
        {
            Id = Ids.New(Ids.RoleMapping, TimeProvider.System),
            TenantId = group.TenantId,
            GroupId = group.Id,
            Role = role,
            AutoRevoke = autoRevoke,
            CreatedAt = TimeProvider.System.GetUtcNow(),
            CreatedBy = "usr_test",
        },
        token));

    private static Task DoAsync(TestDatabase database, Func<PlatformDb, CancellationToken, Task> work) => database.Contexts.TransactAsync(work, Token);

    private static async Task<UserGrants> GrantsAsync(TestDatabase database, string userId)
    {
        await using var db = await database.Contexts.CreateDbContextAsync(Token);
        return await Grants.OfAsync(db, await db.Users.SingleAsync(user => user.Id == userId, Token), Catalogue, Token);
    }

    private static async Task<long> RevisionAsync(TestDatabase database)
    {
        await using var db = await database.Contexts.CreateDbContextAsync(Token);
        return await db.SnapshotRevisions.Select(row => row.Revision).SingleAsync(Token);
    }
}
