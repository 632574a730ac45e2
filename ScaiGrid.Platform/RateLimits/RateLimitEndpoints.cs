using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Identity;
using ScaiGrid.Platform.Tenancy;

namespace ScaiGrid.Platform.RateLimits;

/// <summary>
/// The rate limits of a tenant, which its admins see and its partner's admins set, and those of a partner, which super admins set.
/// Limits that are not set are the installation's.
/// </summary>
internal static class RateLimitEndpoints
{
    private const int MaxRequests = 100_000_000;

    public static void MapRateLimits(this IEndpointRouteBuilder group)
    {
        group.MapGet("/tenants/{id}/rate-limits", GetOfTenant).RequirePermission(Permissions.Administer)
            .WithName("GetTenantRateLimits").WithSummary("The limits of a tenant's keys, users and of the tenant itself.");
        group.MapPut("/tenants/{id}/rate-limits", PutOfTenant).RequirePermission(Permissions.Administer, Reach.Partner).Audited("rate_limits.update", "tenant")
            .WithName("PutTenantRateLimits").WithSummary("Replaces a tenant's own limits; what is left out is the installation's, 0 is no limit.");
        group.MapGet("/partners/{id}/rate-limits", GetOfPartner).RequirePermission(Permissions.Administer, Reach.Partner)
            .WithName("GetPartnerRateLimits").WithSummary("The limit of all tenants of a partner together.");
        group.MapPut("/partners/{id}/rate-limits", PutOfPartner).RequirePermission(Permissions.Administer, Reach.Grid).Audited("rate_limits.update", "partner")
            .WithName("PutPartnerRateLimits").WithSummary("Replaces a partner's own limit; what is left out is the installation's, 0 is no limit.");
    }

    private static async Task<Results<Ok<Envelope<TenantRateLimits>>, ProblemResult>> GetOfTenant(
        string id, Caller caller, PlatformDb db, AdmissionOptions options, CancellationToken cancellationToken)
    {
        var sees = await SightAsync(id, caller, db, cancellationToken);
        return sees is Sight.Nothing ? Reply.Problem(CoreErrors.NotFound)
            : Reply.Ok(View(await db.RateLimits.AsNoTracking().SingleOrDefaultAsync(row => row.OwnerId == id, cancellationToken), options.Defaults));
    }

    private static async Task<Results<Ok<Envelope<TenantRateLimits>>, ProblemResult>> PutOfTenant(
        string id,
        PutTenantRateLimits body,
        Caller caller,
        AuditEntry audit,
        PlatformDb db,
        AdmissionOptions options,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        switch (await SightAsync(id, caller, db, cancellationToken))
        {
            case Sight.Nothing:
                return Reply.Problem(CoreErrors.NotFound);
            case Sight.Reads:
                return Reply.Problem(CoreErrors.PermissionDenied, "A tenant's rate limits are set by its partner's admins.");
        }

        if (!caller.IsSuperAdmin && await db.IsOfOperatorsAsync(await db.TenantOfAsync(id, cancellationToken), cancellationToken))
        {
            return Reply.Problem(TenancyErrors.OperatorsTenant);
        }

        var checks = new Checks();
        var row = await RowAsync(id, db, time, cancellationToken);
        (row.KeyRequests, row.KeyTokens) = Read(checks, "key", body.Key);
        (row.UserRequests, row.UserTokens) = Read(checks, "user", body.User);
        (row.TenantRequests, row.TenantTokens) = Read(checks, "tenant", body.Tenant);
        checks.ThrowIfAny();
        audit.TenantId = id;
        await db.SaveOrThrowAsync(cancellationToken, duplicate: CoreErrors.Conflict);
        return Reply.Ok(View(row, options.Defaults));
    }

    private static async Task<Results<Ok<Envelope<PartnerRateLimits>>, ProblemResult>> GetOfPartner(
        string id, Caller caller, PlatformDb db, AdmissionOptions options, CancellationToken cancellationToken)
    {
        var isSeen = caller.IsSuperAdmin
            ? await db.Partners.AnyAsync(partner => partner.Id == id, cancellationToken)
            : caller.PartnerId == id && caller.ReachOf(Permissions.Administer) == Reach.Partner;
        return isSeen
            ? Reply.Ok(PartnerView(await db.RateLimits.AsNoTracking().SingleOrDefaultAsync(row => row.OwnerId == id, cancellationToken), options.Defaults))
            : Reply.Problem(CoreErrors.NotFound);
    }

    private static async Task<Results<Ok<Envelope<PartnerRateLimits>>, ProblemResult>> PutOfPartner(
        string id, PutPartnerRateLimits body, Caller caller, PlatformDb db, AdmissionOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        if (!caller.IsSuperAdmin)
        {
            return caller.PartnerId == id && caller.ReachOf(Permissions.Administer) == Reach.Partner
                ? Reply.Problem(CoreErrors.PermissionDenied, "A partner's rate limit is set by the platform's admins.")
                : Reply.Problem(CoreErrors.NotFound);
        }

        if (!await db.Partners.AnyAsync(partner => partner.Id == id, cancellationToken))
        {
            return Reply.Problem(CoreErrors.NotFound);
        }

        var checks = new Checks();
        var row = await RowAsync(id, db, time, cancellationToken);
        (row.PartnerRequests, row.PartnerTokens) = Read(checks, "partner", body.Partner);
        checks.ThrowIfAny();
        await db.SaveOrThrowAsync(cancellationToken, duplicate: CoreErrors.Conflict);
        return Reply.Ok(PartnerView(row, options.Defaults));
    }

    private static async Task<Sight> SightAsync(string tenantId, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var partnerId = await db.Tenants.Where(tenant => tenant.Id == tenantId).Select(tenant => tenant.PartnerId).SingleOrDefaultAsync(cancellationToken);
        return partnerId switch
        {
            null => Sight.Nothing,
            _ when caller.IsSuperAdmin => Sight.Writes,
            _ when partnerId == caller.PartnerId && caller.ReachOf(Permissions.Administer) == Reach.Partner => Sight.Writes,
            _ => tenantId == caller.TenantId ? Sight.Reads : Sight.Nothing,
        };
    }

    private static async Task<RateLimitRow> RowAsync(string ownerId, PlatformDb db, TimeProvider time, CancellationToken cancellationToken)
    {
        var now = time.GetStoredNow();
        var row = await db.RateLimits.SingleOrDefaultAsync(known => known.OwnerId == ownerId, cancellationToken)
            ?? db.RateLimits.Add(new RateLimitRow { OwnerId = ownerId, UpdatedAt = now }).Entity;
        row.UpdatedAt = now;
        return row;
    }

    private static (int? Requests, long? Tokens) Read(Checks checks, string field, LevelBody? level)
    {
        if (level?.TokensPerMinute is < 0 or > RateLimit.MaxTokens)
        {
            checks.Add($"{field}.tokens_per_minute", $"must be between 0 and {RateLimit.MaxTokens}.");
        }

        return (checks.Between($"{field}.requests_per_minute", level?.RequestsPerMinute, 0, MaxRequests), level?.TokensPerMinute);
    }

    private static TenantRateLimits View(RateLimitRow? row, LevelLimits limits)
    {
        var own = row?.Overrides();
        return new TenantRateLimits(
            Level(own?.Key ?? default, limits.Key), Level(own?.User ?? default, limits.User), Level(own?.Tenant ?? default, limits.Tenant));
    }

    private static PartnerRateLimits PartnerView(RateLimitRow? row, LevelLimits limits) => new(Level(row?.Overrides().Partner ?? default, limits.Partner));

    private static LevelView Level(RateLimitOverride own, RateLimit installation)
    {
        var limit = own.Over(installation);
        return new LevelView(limit.Requests, limit.Tokens, IsOwn: own.Requests is not null || own.Tokens is not null);
    }

    private enum Sight
    {
        Nothing,
        Reads,
        Writes,
    }
}

/// <param name="RequestsPerMinute">Calls within any 60 seconds; 0 for no limit; the installation's if omitted.</param>
/// <param name="TokensPerMinute">Tokens within any 60 seconds; 0 for no limit; the installation's if omitted.</param>
public sealed record LevelBody(int? RequestsPerMinute = null, long? TokensPerMinute = null);

/// <param name="Key">The limit of each API key.</param>
/// <param name="User">The limit of each user, over all keys.</param>
/// <param name="Tenant">The limit of the tenant as a whole.</param>
public sealed record PutTenantRateLimits(LevelBody? Key = null, LevelBody? User = null, LevelBody? Tenant = null);

/// <param name="Partner">The limit of all tenants together.</param>
public sealed record PutPartnerRateLimits(LevelBody? Partner = null);

/// <param name="RequestsPerMinute">Calls; 0 for no limit.</param>
/// <param name="TokensPerMinute">Tokens; 0 for no limit.</param>
/// <param name="IsOwn">Whether it was set here instead of for the installation.</param>
internal sealed record LevelView(int RequestsPerMinute, long TokensPerMinute, bool IsOwn);

internal sealed record TenantRateLimits(LevelView Key, LevelView User, LevelView Tenant);

internal sealed record PartnerRateLimits(LevelView Partner);
