using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Platform.Budgets;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Identity;
using ScaiGrid.Platform.Models;
using ScaiGrid.Platform.RateLimits;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Snapshot;

/// <summary>
/// The rows of a snapshot, all of one moment. Users and keys that cannot make calls (revoked, suspended) are not loaded. A load reads only the rows
/// that changed since the previous one, if the database can tell which.
/// </summary>
/// <remarks>Used by one load at a time.</remarks>
internal sealed class SnapshotRows
{
    /// <summary>If more owners than this have changed, the whole table is read.</summary>
    private const int MaxOwners = 1000;

    private readonly SnapshotTable[] _all;

    public SnapshotRows() =>
        _all =
        [
            Partners, Tenants, Users, Roles, CustomRoles, UserCustomRoles, ModulePermissions, Memberships, GroupChildren, RoleMappings, Keys,
            Providers, Backends, Models, Policies, Targets, Access, GroupMembers, Budgets, RateLimits,
        ];

    /// <summary>-1 before the first load from the database.</summary>
    public long Revision { get; private set; } = -1;

    public SnapshotTable<Partner> Partners { get; } = new(
        row => row.Id, db => db.Partners, (rows, ids) => rows.Where(row => ids.Contains(row.Id)));

    /// <summary>Suspended ones too, because their slugs must not name others.</summary>
    public SnapshotTable<Tenant> Tenants { get; } = new(
        row => row.Id, db => db.Tenants, (rows, ids) => rows.Where(row => ids.Contains(row.Id)));

    public SnapshotTable<User> Users { get; } = new(
        row => row.Id, db => db.Users.Where(row => row.Status == UserStatus.Active), (rows, ids) => rows.Where(row => ids.Contains(row.Id)));

    public SnapshotTable<UserRole> Roles { get; } = new(
        row => row.UserId, db => db.UserRoles, (rows, ids) => rows.Where(row => ids.Contains(row.UserId)));

    public SnapshotTable<CustomRole> CustomRoles { get; } = new(
        row => row.Id, db => db.CustomRoles, (rows, ids) => rows.Where(row => ids.Contains(row.Id)));

    public SnapshotTable<UserCustomRole> UserCustomRoles { get; } = new(
        row => row.UserId, db => db.UserCustomRoles, (rows, ids) => rows.Where(row => ids.Contains(row.UserId)));

    public SnapshotTable<UserModulePermission> ModulePermissions { get; } = new(
        row => row.UserId, db => db.UserModulePermissions, (rows, ids) => rows.Where(row => ids.Contains(row.UserId)));

    public SnapshotTable<GroupMember> Memberships { get; } = new(
        row => row.UserId, db => db.GroupMembers, (rows, ids) => rows.Where(row => ids.Contains(row.UserId)));

    public SnapshotTable<GroupChild> GroupChildren { get; } = new(
        row => row.GroupId, db => db.GroupChildren, (rows, ids) => rows.Where(row => ids.Contains(row.GroupId)));

    public SnapshotTable<RoleMapping> RoleMappings { get; } = new(
        row => row.Id, db => db.RoleMappings.Where(row => row.AutoRevoke), (rows, ids) => rows.Where(row => ids.Contains(row.Id)));

    public SnapshotTable<ApiKey> Keys { get; } = new(
        row => row.Id, db => db.ApiKeys.Where(row => row.RevokedAt == null), (rows, ids) => rows.Where(row => ids.Contains(row.Id)));

    public SnapshotTable<Provider> Providers { get; } = new(
        row => row.Id, db => db.Providers, (rows, ids) => rows.Where(row => ids.Contains(row.Id)));

    public SnapshotTable<Backend> Backends { get; } = new(
        row => row.Id, db => db.Backends, (rows, ids) => rows.Where(row => ids.Contains(row.Id)));

    public SnapshotTable<Model> Models { get; } = new(
        row => row.Id, db => db.Models, (rows, ids) => rows.Where(row => ids.Contains(row.Id)));

    public SnapshotTable<RoutingPolicy> Policies { get; } = new(
        row => row.ModelId, db => db.RoutingPolicies, (rows, ids) => rows.Where(row => ids.Contains(row.ModelId)));

    public SnapshotTable<RoutingTarget> Targets { get; } = new(
        row => row.ModelId, db => db.RoutingTargets, (rows, ids) => rows.Where(row => ids.Contains(row.ModelId)));

    public SnapshotTable<Budget> Budgets { get; } = new(
        row => row.Id, db => db.Budgets, (rows, ids) => rows.Where(row => ids.Contains(row.Id)));

    public SnapshotTable<RateLimitRow> RateLimits { get; } = new(
        row => row.OwnerId, db => db.RateLimits, (rows, ids) => rows.Where(row => ids.Contains(row.OwnerId)));

    public SnapshotTable<ModelAccess> Access { get; } = new(
        row => row.Id, db => db.ModelAccess, (rows, ids) => rows.Where(row => ids.Contains(row.Id)));

    public SnapshotTable<ModelGroupMember> GroupMembers { get; } = new(
        row => row.GroupId, db => db.ModelGroupMembers, (rows, ids) => rows.Where(row => ids.Contains(row.GroupId)));

    /// <summary>One table for each kind of entity in the snapshot.</summary>
    public IReadOnlyList<SnapshotTable> Tables => _all;

    /// <summary>A description of what <see cref="Write"/> writes; it changes with the tables and with the values of their rows.</summary>
    public string Shape => string.Join('\n', _all.Select(table => table.Shape));

    /// <summary>False after a load that failed halfway: the rows are then of two moments. The next load reads the changes again.</summary>
    public bool IsConsistent { get; private set; }

    /// <summary>Updates the rows to the database's current revision.</summary>
    public async Task ReadAsync(IDbContextFactory<PlatformDb> databases, CancellationToken cancellationToken)
    {
        IsConsistent = false;
        Revision = await databases.ReadConsistentlyAsync(ReadAsync, cancellationToken);
        IsConsistent = true;
    }

    /// <summary>Writes all rows as one JSON object; secrets stay encrypted as in the database.</summary>
    public void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject();
        foreach (var table in _all)
        {
            writer.WritePropertyName(table.Name);
            table.Write(writer);
        }

        writer.WriteEndObject();
    }

    /// <summary>Restores rows that were written by <see cref="Write"/>. The next load from the database reads everything.</summary>
    public void Restore(JsonElement rows)
    {
        (Revision, IsConsistent) = (-1, false);
        foreach (var table in _all)
        {
            table.Read(rows.GetProperty(table.Name));
        }
    }

    private async Task<long> ReadAsync(PlatformDb db, CancellationToken cancellationToken)
    {
        var revision = await db.SnapshotRevisions.Select(row => row.Revision).SingleAsync(cancellationToken);
        var changes = await ChangesAsync(db, revision, cancellationToken);
        foreach (var table in _all)
        {
            if (changes is null)
            {
                await table.LoadAsync(db, owners: null, cancellationToken);
            }
            else if (changes.TryGetValue(table.NameIn(db), out var owners))
            {
                var isWhole = owners.Count > MaxOwners || owners.Contains(SnapshotChange.Any);
                await table.LoadAsync(db, isWhole ? null : owners, cancellationToken);
            }
        }

        return revision;
    }

    /// <returns>Changed owners by table; null if it is not known what changed.</returns>
    private async Task<Dictionary<string, HashSet<string>>?> ChangesAsync(PlatformDb db, long revision, CancellationToken cancellationToken)
    {
        if (Revision < 0 || revision < Revision)
        {
            return null;
        }

        var since = Revision;
        var changes = await db.SnapshotChanges.AsNoTracking().Where(change => change.Revision > since).ToListAsync(cancellationToken);
        var noted = changes.Select(change => change.Revision).Distinct().LongCount();

        // A revision was raised without change notes, or the notes have been deleted by now.
        return noted != revision - since || changes.Exists(change => change.Kind == SnapshotChange.Any)
            ? null
            : changes.GroupBy(change => change.Kind).ToDictionary(group => group.Key, group => group.Select(change => change.Owner).ToHashSet());
    }
}
