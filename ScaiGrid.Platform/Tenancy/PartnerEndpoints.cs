using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Audit;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Tenancy;

/// <summary>Partners: created by super admins; a partner's admins see their own.</summary>
internal static class PartnerEndpoints
{
    private const int NameLength = 200;

    public static void MapPartners(this IEndpointRouteBuilder group)
    {
        group.MapGet("/partners", List).RequirePermission(Permissions.Administer, Reach.Partner)
            .WithName("ListPartners").WithSummary("The partners that the caller administers, newest first.");
        group.MapPost("/partners", Create).RequirePermission(Permissions.Administer, Reach.Grid).Audited("partner.create", "partner")
            .WithName("CreatePartner").WithSummary("Adds a partner.");
        group.MapGet("/partners/{id}", Get).RequirePermission(Permissions.Administer, Reach.Partner)
            .WithName("GetPartner").WithSummary("One partner.");
        group.MapPut("/partners/{id}", Update).RequirePermission(Permissions.Administer, Reach.Grid).Audited("partner.update", "partner")
            .WithName("UpdatePartner").WithSummary("Changes what is given.");
    }

    private static async Task<Ok<PageEnvelope<PartnerView>>> List(
        [AsParameters] PageQuery query, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var page = await Visible(db, caller).NewestAsync(query, Ids.Partner, partner => partner.Id, cancellationToken);
        return page.As(PartnerView.Of);
    }

    private static async Task<Results<Ok<Envelope<PartnerView>>, ProblemResult>> Get(
        string id, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var row = await Visible(db, caller).SingleOrDefaultAsync(partner => partner.Id == id, cancellationToken);
        return row is null ? Reply.Problem(CoreErrors.NotFound) : Reply.Ok(PartnerView.Of(row));
    }

    private static async Task<Created<Envelope<PartnerView>>> Create(
        CreatePartner body, PlatformDb db, TimeProvider time, CancellationToken cancellationToken)
    {
        var checks = new Checks();
        var slug = checks.Slug(body.Slug);
        var name = string.IsNullOrWhiteSpace(body.DisplayName) ? slug : checks.Text("display_name", body.DisplayName, NameLength)!;
        checks.ThrowIfAny();
        var now = time.GetStoredNow();
        var row = new Partner { Id = Ids.New(Ids.Partner, time), Slug = slug, DisplayName = name, CreatedAt = now, UpdatedAt = now };
        db.Partners.Add(row);
        await db.SaveOrThrowAsync(cancellationToken, duplicate: TenancyErrors.PartnerSlugTaken);
        return Reply.Created($"/v1/partners/{row.Id}", PartnerView.Of(row));
    }

    private static async Task<Results<Ok<Envelope<PartnerView>>, ProblemResult>> Update(
        string id, UpdatePartner body, PlatformDb db, TimeProvider time, CancellationToken cancellationToken)
    {
        if (await db.Partners.SingleOrDefaultAsync(partner => partner.Id == id, cancellationToken) is not { } row)
        {
            return Reply.Problem(CoreErrors.NotFound);
        }

        var checks = new Checks();
        checks.SameSlug(body.Slug, row.Slug);
        row.DisplayName = body.DisplayName is null ? row.DisplayName : checks.Required("display_name", body.DisplayName, NameLength);
        checks.ThrowIfAny();
        row.UpdatedAt = time.GetStoredNow();
        await db.SaveChangesAsync(cancellationToken);
        return Reply.Ok(PartnerView.Of(row));
    }

    private static IQueryable<Partner> Visible(PlatformDb db, Caller caller)
    {
        var partners = db.Partners.AsNoTracking();
        return caller.ReachOf(Permissions.Administer) == Reach.Grid ? partners : partners.Where(partner => partner.Id == caller.PartnerId);
    }
}

/// <param name="Slug">Part of the names of its models; cannot be changed.</param>
/// <param name="DisplayName">The name shown to people; the slug if omitted.</param>
public sealed record CreatePartner(string? Slug, string? DisplayName = null);

/// <summary>Omitted fields keep their values.</summary>
public sealed record UpdatePartner(string? Slug = null, string? DisplayName = null);

internal sealed record PartnerView(string Id, string Slug, string DisplayName, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    public static PartnerView Of(Partner row) => new(row.Id, row.Slug, row.DisplayName, row.CreatedAt, row.UpdatedAt);
}
