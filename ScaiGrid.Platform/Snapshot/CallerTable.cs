using System.Collections.Frozen;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Platform.Identity;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.Snapshot;

/// <summary>Makes the callers of a snapshot: one for each live key of an active user in an active tenant.</summary>
internal sealed class CallerTable(SnapshotRows rows)
{
    private readonly Dictionary<string, Partner> _partners = rows.Partners.ToDictionary(partner => partner.Id);
    private readonly Dictionary<string, Tenant> _tenants = rows.Tenants.ToDictionary(tenant => tenant.Id);
    private readonly Dictionary<string, User> _users = rows.Users.ToDictionary(user => user.Id);

    // Users by the thousand hold the same few sets of roles: they share the sets and what these grant.
    private readonly Dictionary<string, (FrozenSet<string> Roles, FrozenSet<string> Permissions)> _grants = [];

    public FrozenDictionary<ApiKeyHash, Caller> Keys()
    {
        var callers = new Dictionary<ApiKeyHash, Caller>(rows.Keys.Count);
        foreach (var key in rows.Keys)
        {
            if (_users.TryGetValue(key.UserId, out var user) && Make(user, key) is { } caller)
            {
                callers[ApiKeyHash.FromHex(key.Hash)] = caller;
            }
        }

        return callers.ToFrozenDictionary();
    }

    public HomeTenant? Home()
    {
        if (rows.Tenants.Find(tenant => tenant.Slug == HomeTenant.Slug) is not { } tenant || !_partners.TryGetValue(tenant.PartnerId, out var partner))
        {
            return null;
        }

        var admin = rows.Users
            .Where(user => user.TenantId == tenant.Id && rows.Roles[user.Id].Contains(Roles.SuperAdmin))
            .MinBy(user => user.Id, StringComparer.Ordinal);
        return new HomeTenant(tenant.Id, tenant.Slug, partner.Id, partner.Slug, admin is null ? null : Make(admin, key: null));
    }

    private Caller? Make(User user, ApiKey? key)
    {
        if (!_tenants.TryGetValue(user.TenantId, out var tenant) || !_partners.TryGetValue(tenant.PartnerId, out var partner))
        {
            return null;
        }

        var (roles, permissions) = Grants(user.Id);
        return new Caller
        {
            UserId = user.Id,
            Email = user.Email,
            DisplayName = user.DisplayName,
            TenantId = tenant.Id,
            TenantSlug = tenant.Slug,
            PartnerId = partner.Id,
            PartnerSlug = partner.Slug,
            Roles = roles,
            Permissions = permissions,
            ApiKeyId = key?.Id,
            ExpiresAt = key?.ExpiresAt,
        };
    }

    private (FrozenSet<string> Roles, FrozenSet<string> Permissions) Grants(string userId)
    {
        var roles = rows.Roles[userId].Order(StringComparer.Ordinal).ToArray();
        var name = string.Join(' ', roles);
        if (!_grants.TryGetValue(name, out var grants))
        {
            _grants[name] = grants = (roles.ToFrozenSet(), Roles.PermissionsOf(roles));
        }

        return grants;
    }
}
