using System.Collections.Frozen;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Platform.Identity;

namespace ScaiGrid.Platform.Snapshot;

/// <summary>Makes the callers of a snapshot: one for each live key of an active user in an active tenant.</summary>
internal sealed class CallerTable(SnapshotRows rows, DateTimeOffset now)
{
    // Users by the thousand hold the same few sets of roles: they share the sets and what these grant.
    private readonly Dictionary<string, (FrozenSet<string> Roles, FrozenSet<string> Permissions)> _grants = [];

    public FrozenDictionary<ApiKeyHash, Caller> Keys()
    {
        var callers = new Dictionary<ApiKeyHash, Caller>();
        foreach (var key in rows.Keys.All)
        {
            if (!(key.ExpiresAt <= now) && rows.Users.Find(key.UserId) is { } user && Make(user, key) is { } caller)
            {
                callers[ApiKeyHash.FromHex(key.Hash)] = caller;
            }
        }

        return callers.ToFrozenDictionary();
    }

    public HomeTenant? Home()
    {
        if (rows.Tenants.All.FirstOrDefault(tenant => tenant.Slug == HomeTenant.Slug) is not { } tenant || rows.Partners.Find(tenant.PartnerId) is not { } partner)
        {
            return null;
        }

        var admin = rows.Users.All
            .Where(user => user.TenantId == tenant.Id && rows.Roles.Of(user.Id).Any(role => role.Role == Roles.SuperAdmin))
            .MinBy(user => user.Id, StringComparer.Ordinal);
        return new HomeTenant(tenant.Id, tenant.Slug, partner.Id, partner.Slug, admin is null ? null : Make(admin, key: null));
    }

    private Caller? Make(User user, ApiKey? key)
    {
        if (rows.Tenants.Find(user.TenantId) is not { } tenant || rows.Partners.Find(tenant.PartnerId) is not { } partner)
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
        var roles = rows.Roles.Of(userId).Select(role => role.Role).Order(StringComparer.Ordinal).ToArray();
        var name = string.Join(' ', roles);
        if (!_grants.TryGetValue(name, out var grants))
        {
            _grants[name] = grants = (roles.ToFrozenSet(), Roles.PermissionsOf(roles));
        }

        return grants;
    }
}
