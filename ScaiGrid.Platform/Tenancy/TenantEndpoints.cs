using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Data;
using ScaiGrid.Platform.Identity;

namespace ScaiGrid.Platform.Tenancy;

/// <summary>Tenants: super admins manage all of them, partner admins their partner's, and tenant admins see their own.</summary>
internal static class TenantEndpoints
{
    private const int NameLength = 200;

    public static void MapTenants(this IEndpointRouteBuilder group)
    {
        group.MapGet("/tenants", List).RequirePermission(Permissions.Administer)
            .WithName("ListTenants").WithSummary("The tenants that the caller administers, newest first.");
        group.MapPost("/tenants", Create).RequirePermission(Permissions.Administer, Reach.Partner).Audited("tenant.create", "tenant")
            .WithName("CreateTenant").WithSummary("Adds a tenant.");
        group.MapGet("/tenants/{id}", Get).RequirePermission(Permissions.Administer)
            .WithName("GetTenant").WithSummary("One tenant.");
        group.MapPut("/tenants/{id}", Update).RequirePermission(Permissions.Administer, Reach.Partner).Audited("tenant.update", "tenant")
            .WithName("UpdateTenant").WithSummary("Changes what is given; a suspended tenant's keys and calls end at once.");
    }

    private static async Task<Ok<PageEnvelope<TenantView>>> List(
        [AsParameters] PageQuery query,
        [FromQuery(Name = "partner_id")] string? partnerId,
        string? status,
        Caller caller,
        PlatformDb db,
        CancellationToken cancellationToken)
    {
        var checks = new Checks();
        Status(checks, status, "");
        checks.ThrowIfAny();
        var page = await db.Tenants.AsNoTracking().Within(caller, Permissions.Administer)
            .Where(tenant => partnerId == null || tenant.PartnerId == partnerId)
            .Where(tenant => status == null || tenant.Status == status)
            .NewestAsync(query, Ids.Tenant, tenant => tenant.Id, cancellationToken);
        return page.As(TenantView.Of);
    }

    private static async Task<Results<Ok<Envelope<TenantView>>, ProblemResult>> Get(
        string id, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var row = await db.Tenants.AsNoTracking().Within(caller, Permissions.Administer).SingleOrDefaultAsync(tenant => tenant.Id == id, cancellationToken);
        return row is null ? Reply.Problem(CoreErrors.NotFound) : Reply.Ok(TenantView.Of(row));
    }

    private static async Task<Created<Envelope<TenantView>>> Create(
        CreateTenant body, Caller caller, PlatformDb db, TimeProvider time, CancellationToken cancellationToken)
    {
        var checks = new Checks();
        var slug = checks.Slug(body.Slug);
        var name = string.IsNullOrWhiteSpace(body.DisplayName) ? slug : checks.Text("display_name", body.DisplayName, NameLength)!;
        var status = Status(checks, body.Status, TenantStatus.Active);
        var settings = checks.Document("settings", body.Settings)?.ToJsonString() ?? "{}";
        var partnerId = body.PartnerId ?? caller.PartnerId;
        var isTheirs = caller.ReachOf(Permissions.Administer) == Reach.Grid || partnerId == caller.PartnerId;
        if (!isTheirs || !await db.Partners.AnyAsync(partner => partner.Id == partnerId, cancellationToken))
        {
            checks.Add("partner_id", "is not a partner that you administer.");
        }

        checks.ThrowIfAny();
        var now = time.GetStoredNow();
        var row = new Tenant
        {
            Id = Ids.New(Ids.Tenant, time),
            PartnerId = partnerId,
            Slug = slug,
            DisplayName = name,
            Status = status,
            Settings = settings,
            CreatedAt = now,
            UpdatedAt = now,
        };
        db.Tenants.Add(row);
        await db.SaveOrThrowAsync(cancellationToken, duplicate: TenancyErrors.TenantSlugTaken);
        return Reply.Created($"/v1/tenants/{row.Id}", TenantView.Of(row));
    }

    private static async Task<Results<Ok<Envelope<TenantView>>, ProblemResult>> Update(
        string id, UpdateTenant body, Caller caller, PlatformDb db, TimeProvider time, CancellationToken cancellationToken)
    {
        if (await db.Tenants.Within(caller, Permissions.Administer).SingleOrDefaultAsync(tenant => tenant.Id == id, cancellationToken) is not { } row)
        {
            return Reply.Problem(CoreErrors.NotFound);
        }

        var checks = new Checks();
        checks.SameSlug(body.Slug, row.Slug);
        if (body.PartnerId is not null && body.PartnerId != row.PartnerId)
        {
            checks.Add("partner_id", "cannot be changed.");
        }

        row.DisplayName = body.DisplayName is null ? row.DisplayName : checks.Required("display_name", body.DisplayName, NameLength);
        row.Status = Status(checks, body.Status, row.Status);
        row.Settings = checks.Document("settings", body.Settings)?.ToJsonString() ?? row.Settings;
        checks.ThrowIfAny();
        if (row.Status == TenantStatus.Suspended && row.Id == caller.TenantId)
        {
            return Reply.Problem(TenancyErrors.OwnTenant);
        }

        // Settings as well: a time zone moves the periods of budgets.
        if (db.ChangeTracker.HasChanges() && caller.ReachOf(Permissions.Administer) != Reach.Grid && await db.IsOfOperatorsAsync(row, cancellationToken))
        {
            return Reply.Problem(TenancyErrors.OperatorsTenant);
        }

        row.UpdatedAt = time.GetStoredNow();
        await db.SaveChangesAsync(cancellationToken);
        return Reply.Ok(TenantView.Of(row));
    }

    private static string Status(Checks checks, string? status, string otherwise) =>
        checks.OneOf("status", status, otherwise, TenantStatus.Active, TenantStatus.Suspended);
}

/// <param name="Slug">Part of the names of its models; cannot be changed.</param>
/// <param name="DisplayName">The name shown to people; the slug if omitted.</param>
/// <param name="PartnerId">The caller's partner if omitted.</param>
/// <param name="Status">active (the default) or suspended.</param>
/// <param name="Settings">Any JSON object.</param>
public sealed record CreateTenant(string? Slug, string? DisplayName = null, string? PartnerId = null, string? Status = null, JsonObject? Settings = null);

/// <summary>Omitted fields keep their values.</summary>
public sealed record UpdateTenant(
    string? Slug = null, string? DisplayName = null, string? PartnerId = null, string? Status = null, JsonObject? Settings = null);

internal sealed record TenantView(
    string Id,
    string PartnerId,
    string Slug,
    string DisplayName,
    string Status,
    JsonObject Settings,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt)
{
    public static TenantView Of(Tenant row) => new(
        row.Id, row.PartnerId, row.Slug, row.DisplayName, row.Status, JsonNode.Parse(row.Settings) as JsonObject ?? [], row.CreatedAt, row.UpdatedAt);
}
