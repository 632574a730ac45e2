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

namespace ScaiGrid.Platform.Models;

/// <summary>Which tenants may use which models: set by the installation's operators; a tenant sees its own rules.</summary>
internal static class ModelAccessEndpoints
{
    public static void MapModelAccess(this IEndpointRouteBuilder group)
    {
        group.MapGet("/model-access", List).RequirePermission(Permissions.ViewRouting)
            .WithName("ListModelAccess").WithSummary("The rules that allow or block models for tenants, newest first; of other tenants only for who manages models.");
        group.MapPut("/model-access", Put).RequirePermission(Permissions.ManageModels).Audited("model_access.update", "model_access")
            .WithName("PutModelAccess").WithSummary("Allows or blocks a model, or a group of models, for a tenant.");
        group.MapDelete("/model-access/{id}", Delete).RequirePermission(Permissions.ManageModels).Audited("model_access.delete", "model_access")
            .WithName("DeleteModelAccess").WithSummary("Removes a rule: what is left decides, in the end the model's own default.");
    }

    private static async Task<Ok<PageEnvelope<ModelAccessView>>> List(
        [AsParameters] PageQuery query,
        [FromQuery(Name = "tenant_id")] string? tenantId,
        [FromQuery(Name = "model_id")] string? modelId,
        [FromQuery(Name = "group_id")] string? groupId,
        Caller caller,
        PlatformDb db,
        CancellationToken cancellationToken)
    {
        var own = caller.IsSuperAdmin ? null : caller.TenantId;
        var page = await db.ModelAccess.AsNoTracking()
            .Where(rule => own == null || rule.TenantId == own)
            .Where(rule => tenantId == null || rule.TenantId == tenantId)
            .Where(rule => modelId == null || rule.ModelId == modelId)
            .Where(rule => groupId == null || rule.GroupId == groupId)
            .NewestAsync(query, Ids.ModelAccess, rule => rule.Id, cancellationToken);
        return page.As(View);
    }

    private static async Task<Results<Ok<Envelope<ModelAccessView>>, ProblemResult>> Put(
        PutModelAccess body, Caller caller, IDbContextFactory<PlatformDb> databases, TimeProvider time, CancellationToken cancellationToken) =>
        caller.IsSuperAdmin
            ? Reply.Ok(View(await databases.InOrderAsync(InOrder.Models, (db, token) => PutAsync(body, db, time, token), cancellationToken)))
            : Reply.Problem(ModelErrors.OperatorsOnly);

    private static async Task<ModelAccess> PutAsync(PutModelAccess body, PlatformDb db, TimeProvider time, CancellationToken cancellationToken)
    {
        var checks = new Checks();
        var tenantId = checks.Required("tenant_id", body.TenantId, Ids.MaxLength);
        var access = checks.RequiredOneOf("access", body.Access, ModelAccessWords.Allow, ModelAccessWords.Block);
        if ((body.ModelId is null) == (body.GroupId is null))
        {
            checks.Add("model_id", "or group_id must be given, and not both.");
        }

        await CheckAsync(checks, tenantId, body, db, cancellationToken);
        checks.ThrowIfAny();

        var row = await db.ModelAccess.SingleOrDefaultAsync(
            rule => rule.TenantId == tenantId && rule.ModelId == body.ModelId && rule.GroupId == body.GroupId, cancellationToken);
        if (row is null)
        {
            row = new ModelAccess
            {
                Id = Ids.New(Ids.ModelAccess, time),
                TenantId = tenantId,
                ModelId = body.ModelId,
                GroupId = body.GroupId,
                Access = access,
                CreatedAt = time.GetStoredNow(),
            };
            db.ModelAccess.Add(row);
        }

        row.Access = access;
        await db.SaveOrThrowAsync(cancellationToken, duplicate: ModelErrors.AccessChanged, referenced: ModelErrors.AccessChanged);
        return row;
    }

    private static async Task<Results<NoContent, ProblemResult>> Delete(string id, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        if (!caller.IsSuperAdmin)
        {
            return Reply.Problem(ModelErrors.OperatorsOnly);
        }

        if (await db.ModelAccess.SingleOrDefaultAsync(rule => rule.Id == id, cancellationToken) is not { } row)
        {
            return Reply.Problem(CoreErrors.NotFound);
        }

        db.ModelAccess.Remove(row);
        await db.SaveChangesAsync(cancellationToken);
        return TypedResults.NoContent();
    }

    private static async Task CheckAsync(Checks checks, string tenantId, PutModelAccess body, PlatformDb db, CancellationToken cancellationToken)
    {
        if (tenantId.Length > 0 && !await db.Tenants.AnyAsync(tenant => tenant.Id == tenantId, cancellationToken))
        {
            checks.Add("tenant_id", "is not a tenant.");
        }

        if (body.ModelId is { } modelId && !await db.Models.AnyAsync(model => model.Id == modelId, cancellationToken))
        {
            checks.Add("model_id", "is not a model.");
        }

        if (body.GroupId is { } groupId && !await db.ModelGroups.AnyAsync(group => group.Id == groupId, cancellationToken))
        {
            checks.Add("group_id", "is not a group of models.");
        }
    }

    private static ModelAccessView View(ModelAccess row) => new(row.Id, row.TenantId, row.ModelId, row.GroupId, row.Access, row.CreatedAt);
}

/// <param name="TenantId">The tenant.</param>
/// <param name="Access">allow or block.</param>
/// <param name="ModelId">The model; or specify a group.</param>
/// <param name="GroupId">The group of models.</param>
public sealed record PutModelAccess(string? TenantId, string? Access, string? ModelId = null, string? GroupId = null);

internal sealed record ModelAccessView(string Id, string TenantId, string? ModelId, string? GroupId, string Access, DateTimeOffset CreatedAt);
