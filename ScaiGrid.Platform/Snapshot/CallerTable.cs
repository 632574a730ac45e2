using System.Collections.Frozen;
using System.Text.Json;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Platform.Identity;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Snapshot;

/// <summary>Creates the callers of a snapshot: one for each active user of an active tenant, and one for each of their valid keys.</summary>
internal sealed class CallerTable(SnapshotRows rows, PermissionCatalogue permissions, CredentialPool credentials, DateTimeOffset now)
{
    private readonly Grants _grants = new(permissions, new GrantSource(
        user => rows.Roles.Of(user).Select(row => row.Role),
        user => rows.UserCustomRoles.Of(user).Select(row => row.CustomRoleId),
        user => rows.ModulePermissions.Of(user).Select(row => row.Permission),
        user => rows.Memberships.Of(user).Select(row => row.GroupId),
        new GroupRoles(rows.RoleMappings.All, rows.GroupChildren.All),
        rows.CustomRoles.Find));

    private readonly GroupsOfUsers _groups = new(user => rows.Memberships.Of(user).Select(row => row.GroupId), rows.GroupChildren.All);

    // Of all tenants: a suspended one keeps its slug.
    private readonly HashSet<string> _externalSlugs = [.. rows.Tenants.All.Select(tenant => tenant.ExternalSlug).OfType<string>()];

    // A user has a caller for itself and one for each key.
    private readonly Dictionary<string, (UserGrants Grants, string[] Groups)> _rights = [];

    public FrozenDictionary<ApiKeyHash, Caller> Keys()
    {
        var callers = new Dictionary<ApiKeyHash, Caller>();
        foreach (var key in rows.Keys.All)
        {
            if (rows.Users.Find(key.UserId) is not { } user || Make(user, key) is not { } caller)
            {
                continue;
            }

            // An expired key makes no new calls, but its running calls are not cancelled.
            if (!(key.ExpiresAt <= now))
            {
                callers[ApiKeyHash.FromHex(key.Hash)] = caller;
            }
        }

        return callers.ToFrozenDictionary();
    }

    public Dictionary<string, Caller> Users()
    {
        var callers = new Dictionary<string, Caller>();
        foreach (var user in rows.Users.All)
        {
            if (Make(user, key: null) is { } caller)
            {
                callers[user.Id] = caller;
            }
        }

        return callers;
    }

    /// <param name="users">The result of <see cref="Users"/>.</param>
    public Dictionary<string, IReadOnlyList<KnownSubject>> Subjects(Dictionary<string, Caller> users)
    {
        var subjects = new Dictionary<string, IReadOnlyList<KnownSubject>>();
        foreach (var user in rows.Users.All)
        {
            if (user.ExternalId is { } subject && users.TryGetValue(user.Id, out var caller))
            {
                var tenant = rows.Tenants.Find(user.TenantId)!;
                var known = new KnownSubject(caller, IssuerSlug(tenant), tenant.ExternalId);
                subjects[subject] = subjects.TryGetValue(subject, out var others) ? [.. others, known] : [known];
            }
        }

        return subjects;
    }

    public FrozenDictionary<string, string> IssuerTenants()
    {
        var tenants = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var tenant in rows.Tenants.All)
        {
            if (tenant.Status == TenantStatus.Active && IssuerSlug(tenant) is { } slug)
            {
                tenants.Add(slug, tenant.Id);
            }
        }

        return tenants.ToFrozenDictionary(StringComparer.Ordinal);
    }

    public HomeTenant? Home()
    {
        if (rows.Tenants.All.FirstOrDefault(tenant => tenant.Slug == HomeTenant.Slug) is not { Status: TenantStatus.Active } tenant
            || rows.Partners.Find(tenant.PartnerId) is not { } partner)
        {
            return null;
        }

        var admin = rows.Users.All
            .Where(user => user.TenantId == tenant.Id && rows.Roles.Of(user.Id).Any(role => role.Role == Roles.SuperAdmin))
            .MinBy(user => user.Id, StringComparer.Ordinal);
        return new HomeTenant(tenant.Id, tenant.Slug, partner.Id, partner.Slug, admin is null ? null : Make(admin, key: null));
    }

    private string? IssuerSlug(Tenant tenant) => tenant.IssuerSlug(isTaken: _externalSlugs.Contains(tenant.Slug));

    private Caller? Make(User user, ApiKey? key)
    {
        if (rows.Tenants.Find(user.TenantId) is not { Status: TenantStatus.Active } tenant || rows.Partners.Find(tenant.PartnerId) is not { } partner)
        {
            return null;
        }

        if (!_rights.TryGetValue(user.Id, out var rights))
        {
            _rights[user.Id] = rights = (_grants.Of(user.Id), _groups.Of(user.Id));
        }

        var (grants, groups) = rights;
        return new Caller
        {
            UserId = user.Id,
            Email = user.Email,
            DisplayName = user.DisplayName,
            TenantId = tenant.Id,
            TenantSlug = tenant.Slug,
            PartnerId = partner.Id,
            PartnerSlug = partner.Slug,
            Roles = grants.Roles,
            Groups = groups,
            Permissions = key?.Scopes is { } scopes ? Narrowed(grants.Permissions, scopes) : grants.Permissions,
            ApiKeyId = key?.Id,
            IsScoped = key?.Scopes is not null,
            Credential = credentials.Keep(key?.Id ?? user.Id),
            ExpiresAt = key?.ExpiresAt,
        };
    }

    private static FrozenSet<string> Narrowed(FrozenSet<string> permissions, string scopes) =>
        [.. JsonSerializer.Deserialize<string[]>(scopes)!.Where(permissions.Contains)];
}
