using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Routing;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Models;

/// <summary>
/// Names of models: <c>openai/gpt-4o</c> for everybody, <c>partner/{slug}/…</c> and <c>tenant/{slug}/…</c> for one partner or tenant.
/// </summary>
internal static partial class ModelSlug
{
    private const int MaxLength = 200;
    private const string Expected = "must be parts of A-Za-z0-9._:- joined by slashes, each beginning with a letter or digit, and not end in /routing or /avatar.";

    // The last segments of routes below a model's own.
    private static readonly string[] ReservedEnds = ["/routing", "/avatar"];

    /// <summary>Validates a slug, and determines which partner or tenant sees its model.</summary>
    public static async Task<(string Slug, string? PartnerId, string? TenantId)> ReadAsync(
        Checks checks, string? text, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var slug = checks.Required("slug", text, MaxLength);
        if (slug.Length == 0)
        {
            return (slug, null, null);
        }

        if (!IsSlug(slug))
        {
            checks.Add("slug", Expected);
            return (slug, null, null);
        }

        var parts = slug.Split('/', 3);
        if (parts[0] is not ("partner" or "tenant"))
        {
            if (!caller.IsSuperAdmin)
            {
                checks.Add("slug", $"must begin with tenant/{caller.TenantSlug}/: only the installation's operators make models for everybody.");
            }

            return (slug, null, null);
        }

        if (parts.Length < 3)
        {
            checks.Add("slug", $"must be {parts[0]}/{{slug}}/{{name}}.");
            return (slug, null, null);
        }

        var owner = parts[1];
        var partnerId = parts[0] == "partner"
            ? await db.Partners.Where(partner => partner.Slug == owner).Select(partner => partner.Id).SingleOrDefaultAsync(cancellationToken)
            : null;
        var tenantId = parts[0] == "tenant"
            ? await db.Tenants.Where(tenant => tenant.Slug == owner).Select(tenant => tenant.Id).SingleOrDefaultAsync(cancellationToken)
            : null;
        if ((partnerId is null && tenantId is null) || !caller.MayManage(partnerId, tenantId))
        {
            // The same message for a partner or tenant that exists, but is not the caller's.
            checks.Add("slug", $"names a {parts[0]} that does not exist.");
        }

        return (slug, partnerId, tenantId);
    }

    /// <summary>Whether a text is the slug of a model for everybody.</summary>
    public static bool IsPlatformSlug(string slug) => slug.Length <= MaxLength && IsSlug(slug) && slug.Split('/')[0] is not ("partner" or "tenant");

    /// <summary>The models that are visible to a caller; operators see all.</summary>
    public static IQueryable<Model> VisibleTo(this IQueryable<Model> models, Caller caller)
    {
        if (caller.IsSuperAdmin)
        {
            return models;
        }

        var (partnerId, tenantId) = (caller.PartnerId, caller.TenantId);
        return models.Where(model =>
            (model.PartnerId == null || model.PartnerId == partnerId) && (model.TenantId == null || model.TenantId == tenantId));
    }

    /// <summary>The backends that are visible to a caller: those of visible models; operators see all.</summary>
    public static IQueryable<Backend> VisibleTo(this IQueryable<Backend> backends, PlatformDb db, Caller caller)
    {
        if (caller.IsSuperAdmin)
        {
            return backends;
        }

        var models = db.Models.VisibleTo(caller);
        return backends.Where(backend => db.RoutingTargets.Any(target => target.BackendId == backend.Id && models.Any(model => model.Id == target.ModelId)));
    }

    /// <summary>Without models that are not enabled for the caller's tenant according to the snapshot, for which calls would be refused.</summary>
    public static IQueryable<Model> EnabledFor(this IQueryable<Model> models, Caller caller, SnapshotStore snapshots)
    {
        if (caller.IsSuperAdmin)
        {
            return models;
        }

        var disabled = snapshots.Current.Models.Values.Where(model => model.IsVisibleTo(caller) && !model.IsEnabledFor(caller)).Select(model => model.Id).ToList();
        return disabled.Count == 0 ? models : models.Where(model => !disabled.Contains(model.Id));
    }

    /// <summary>The models that a caller may change: operators all, others those of their tenant, partner admins also those of their partner.</summary>
    public static IQueryable<Model> ManagedBy(this IQueryable<Model> models, Caller caller)
    {
        if (caller.IsSuperAdmin)
        {
            return models;
        }

        var tenantId = caller.TenantId;
        var partnerId = caller.Roles.Contains(Roles.PartnerAdmin) ? caller.PartnerId : null;
        return models.Where(model => model.TenantId == tenantId || (partnerId != null && model.PartnerId == partnerId));
    }

    private static bool MayManage(this Caller caller, string? partnerId, string? tenantId) =>
        caller.IsSuperAdmin || tenantId == caller.TenantId || (partnerId == caller.PartnerId && caller.Roles.Contains(Roles.PartnerAdmin));

    /// <summary>The model that a path refers to, by id or by slug; slashes of the slug may be encoded.</summary>
    public static IQueryable<Model> Named(this IQueryable<Model> models, string reference)
    {
        var name = Decode(reference);
        return IsId(name) ? models.Where(model => model.Id == name) : models.Where(model => model.Slug == name);
    }

    /// <summary>Routing decodes everything in a path except slashes.</summary>
    public static string Decode(string reference) => reference.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);

    private static bool IsSlug(string slug) =>
        Form().IsMatch(slug) && !IsId(slug) && !ReservedEnds.Any(end => slug.EndsWith(end, StringComparison.Ordinal));

    private static bool IsId(string name) => name.StartsWith(Ids.Model + "_", StringComparison.Ordinal) && !name.Contains('/', StringComparison.Ordinal);

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._:-]*(/[A-Za-z0-9][A-Za-z0-9._:-]*)*\z")]
    private static partial Regex Form();
}
