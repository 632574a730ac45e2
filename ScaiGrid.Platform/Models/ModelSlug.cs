using System.Text.RegularExpressions;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Models;

/// <summary>
/// The name of a model: <c>openai/gpt-4o</c> for everybody, <c>partner/{slug}/…</c> and <c>tenant/{slug}/…</c> for one partner or tenant.
/// </summary>
internal static partial class ModelSlug
{
    private const int MaxLength = 200;
    private const string Expected = "must be parts of A-Za-z0-9._:- joined by slashes, each beginning with a letter or digit, and not end in /routing or /avatar.";

    // The last words of routes below a model's own.
    private static readonly string[] ReservedEnds = ["/routing", "/avatar"];

    /// <summary>Reads a slug and finds out who may see its model.</summary>
    public static async Task<(string Slug, string? PartnerId, string? TenantId)> ReadAsync(
        Checks checks, string? text, PlatformDb db, CancellationToken cancellationToken)
    {
        var slug = checks.Required("slug", text, MaxLength);
        if (slug.Length == 0)
        {
            return (slug, null, null);
        }

        if (!Form().IsMatch(slug) || IsId(slug) || ReservedEnds.Any(end => slug.EndsWith(end, StringComparison.Ordinal)))
        {
            checks.Add("slug", Expected);
            return (slug, null, null);
        }

        var parts = slug.Split('/', 3);
        if (parts[0] is not ("partner" or "tenant"))
        {
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
        if (partnerId is null && tenantId is null)
        {
            checks.Add("slug", $"names a {parts[0]} that does not exist.");
        }

        return (slug, partnerId, tenantId);
    }

    /// <summary>The models that a caller sees; whoever manages models sees all.</summary>
    public static IQueryable<Model> VisibleTo(this IQueryable<Model> models, Caller caller)
    {
        if (caller.Has(Permissions.ManageModels))
        {
            return models;
        }

        var (partnerId, tenantId) = (caller.PartnerId, caller.TenantId);
        return models.Where(model =>
            (model.PartnerId == null || model.PartnerId == partnerId) && (model.TenantId == null || model.TenantId == tenantId));
    }

    /// <summary>The model that a path names, by id or by slug; the slug's slashes may be encoded.</summary>
    public static IQueryable<Model> Named(this IQueryable<Model> models, string reference)
    {
        var name = Decode(reference);
        return IsId(name) ? models.Where(model => model.Id == name) : models.Where(model => model.Slug == name);
    }

    /// <summary>Routing decodes everything in a path but its slashes.</summary>
    public static string Decode(string reference) => reference.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);

    private static bool IsId(string name) => name.StartsWith(Ids.Model + "_", StringComparison.Ordinal) && !name.Contains('/', StringComparison.Ordinal);

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9._:-]*(/[A-Za-z0-9][A-Za-z0-9._:-]*)*\z")]
    private static partial Regex Form();
}
