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

namespace ScaiGrid.Platform.Models;

/// <summary>Groups of models, for common access rules.</summary>
internal static class ModelGroupEndpoints
{
    private const int NameLength = 100;
    private const int DescriptionLength = 4000;
    private const int MaxMembers = 1000;

    public static void MapModelGroups(this IEndpointRouteBuilder group)
    {
        group.MapGet("/model-groups", List).RequirePermission(Permissions.ManageModels)
            .WithName("ListModelGroups").WithSummary("The groups of models, newest first.");
        group.MapPost("/model-groups", Create).RequirePermission(Permissions.ManageModels).Audited("model_group.create", "model_group")
            .WithName("CreateModelGroup").WithSummary("Adds a group of models.");
        group.MapGet("/model-groups/{id}", Get).RequirePermission(Permissions.ManageModels)
            .WithName("GetModelGroup").WithSummary("One group of models.");
        group.MapPut("/model-groups/{id}", Update).RequirePermission(Permissions.ManageModels).Audited("model_group.update", "model_group")
            .WithName("UpdateModelGroup").WithSummary("Changes what is given; `model_ids` is replaced whole.");
        group.MapDelete("/model-groups/{id}", Delete).RequirePermission(Permissions.ManageModels).Audited("model_group.delete", "model_group")
            .WithName("DeleteModelGroup").WithSummary("Removes a group and the rules of access for it; its models stay.");
    }

    private static async Task<Ok<PageEnvelope<ModelGroupView>>> List([AsParameters] PageQuery page, PlatformDb db, CancellationToken cancellationToken)
    {
        var (limit, after) = (page.Take(), page.After(Ids.ModelGroup));
        var rows = await db.ModelGroups.AsNoTracking()
            .Where(group => after == null || string.Compare(group.Id, after) < 0)
            .OrderByDescending(group => group.Id)
            .Take(limit + 1)
            .Select(group => new { Group = group, Models = db.ModelGroupMembers.Where(member => member.GroupId == group.Id).Select(member => member.ModelId).ToList() })
            .ToListAsync(cancellationToken);
        return rows.ConvertAll(row => View(row.Group, row.Models)).ToPage(limit, view => view.Id);
    }

    private static async Task<Results<Created<Envelope<ModelGroupView>>, ProblemResult>> Create(
        CreateModelGroup body, Caller caller, PlatformDb db, TimeProvider time, CancellationToken cancellationToken)
    {
        if (!caller.IsSuperAdmin)
        {
            return Reply.Problem(ModelErrors.OperatorsOnly);
        }

        var checks = new Checks();
        var now = time.GetStoredNow();
        var row = new ModelGroup
        {
            Id = Ids.New(Ids.ModelGroup, time),
            Name = checks.Required("name", body.Name, NameLength),
            Description = checks.Prose("description", body.Description, DescriptionLength) ?? "",
            CreatedAt = now,
            UpdatedAt = now,
        };
        var members = await MembersAsync(checks, body.ModelIds ?? [], db, cancellationToken);
        checks.ThrowIfAny();
        db.ModelGroups.Add(row);
        db.ModelGroupMembers.AddRange(members.Select(id => new ModelGroupMember { GroupId = row.Id, ModelId = id }));
        await db.SaveOrThrowAsync(cancellationToken, duplicate: ModelErrors.GroupNameTaken, referenced: ModelErrors.GroupChanged);
        return Reply.Created($"/v1/model-groups/{row.Id}", View(row, members));
    }

    private static async Task<Results<Ok<Envelope<ModelGroupView>>, ProblemResult>> Get(string id, PlatformDb db, CancellationToken cancellationToken)
    {
        var row = await db.ModelGroups.AsNoTracking().SingleOrDefaultAsync(group => group.Id == id, cancellationToken);
        return row is null ? Reply.Problem(CoreErrors.NotFound) : Reply.Ok(View(row, await ModelsOfAsync(id, db, cancellationToken)));
    }

    private static async Task<Results<Ok<Envelope<ModelGroupView>>, ProblemResult>> Update(
        string id, UpdateModelGroup body, Caller caller, IDbContextFactory<PlatformDb> databases, TimeProvider time, CancellationToken cancellationToken) =>
        caller.IsSuperAdmin
            ? Reply.Ok(await databases.InOrderAsync(InOrder.Models, (db, token) => UpdateAsync(id, body, db, time, token), cancellationToken))
            : Reply.Problem(ModelErrors.OperatorsOnly);

    private static async Task<ModelGroupView> UpdateAsync(
        string id, UpdateModelGroup body, PlatformDb db, TimeProvider time, CancellationToken cancellationToken)
    {
        var row = await db.ModelGroups.SingleOrDefaultAsync(group => group.Id == id, cancellationToken) ?? throw new ApiException(CoreErrors.NotFound);
        var checks = new Checks();
        row.Name = body.Name is null ? row.Name : checks.Required("name", body.Name, NameLength);
        row.Description = checks.Prose("description", body.Description, DescriptionLength) ?? row.Description;
        var members = body.ModelIds is null ? null : await MembersAsync(checks, body.ModelIds, db, cancellationToken);
        checks.ThrowIfAny();
        row.UpdatedAt = time.GetStoredNow();
        if (members is not null)
        {
            var stored = await db.ModelGroupMembers.Where(member => member.GroupId == id).ToListAsync(cancellationToken);
            db.ModelGroupMembers.RemoveRange(stored.Where(member => !members.Contains(member.ModelId)));
            db.ModelGroupMembers.AddRange(members.Except(stored.Select(member => member.ModelId)).Select(model => new ModelGroupMember { GroupId = id, ModelId = model }));
        }

        await db.SaveOrThrowAsync(cancellationToken, duplicate: ModelErrors.GroupNameTaken, referenced: ModelErrors.GroupChanged);
        return View(row, await ModelsOfAsync(id, db, cancellationToken));
    }

    private static async Task<Results<NoContent, ProblemResult>> Delete(
        string id, Caller caller, IDbContextFactory<PlatformDb> databases, CancellationToken cancellationToken) =>
        caller.IsSuperAdmin
            ? await databases.InOrderAsync(InOrder.Models, (db, token) => DeleteAsync(id, db, token), cancellationToken)
            : Reply.Problem(ModelErrors.OperatorsOnly);

    private static async Task<NoContent> DeleteAsync(string id, PlatformDb db, CancellationToken cancellationToken)
    {
        var row = await db.ModelGroups.SingleOrDefaultAsync(group => group.Id == id, cancellationToken) ?? throw new ApiException(CoreErrors.NotFound);

        // A rule that blocks a tenant must not vanish unnoticed.
        if (await db.ModelAccess.AnyAsync(rule => rule.GroupId == id, cancellationToken))
        {
            throw new ApiException(ModelErrors.GroupHasRules);
        }

        // The database would cascade, but only changes made here are noted for the snapshot.
        db.ModelGroupMembers.RemoveRange(await db.ModelGroupMembers.Where(member => member.GroupId == id).ToListAsync(cancellationToken));
        db.ModelGroups.Remove(row);
        await db.SaveChangesAsync(cancellationToken);
        return TypedResults.NoContent();
    }

    private static async Task<List<string>> MembersAsync(Checks checks, string?[] sent, PlatformDb db, CancellationToken cancellationToken)
    {
        if (sent.Length > MaxMembers)
        {
            checks.Add("model_ids", $"must have at most {MaxMembers} items.");
            return [];
        }

        var ids = sent.OfType<string>().Distinct().ToList();
        var known = await db.Models.Where(model => ids.Contains(model.Id)).Select(model => model.Id).ToListAsync(cancellationToken);
        for (var i = 0; i < sent.Length; i++)
        {
            if (sent[i] is not { } id || !known.Contains(id))
            {
                checks.Add($"model_ids[{i}]", "is not a model.");
            }
        }

        known.Sort(StringComparer.Ordinal);
        return known;
    }

    private static Task<List<string>> ModelsOfAsync(string groupId, PlatformDb db, CancellationToken cancellationToken) =>
        db.ModelGroupMembers.Where(member => member.GroupId == groupId).Select(member => member.ModelId).OrderBy(id => id).ToListAsync(cancellationToken);

    private static ModelGroupView View(ModelGroup row, IReadOnlyList<string> models) =>
        new(row.Id, row.Name, row.Description, models, row.CreatedAt, row.UpdatedAt);
}

/// <param name="Name">Unique.</param>
/// <param name="Description">The description shown to people.</param>
/// <param name="ModelIds">All models of the group; none if omitted.</param>
public sealed record CreateModelGroup(string? Name, string? Description = null, string?[]? ModelIds = null);

/// <summary>Omitted fields keep their values.</summary>
public sealed record UpdateModelGroup(string? Name = null, string? Description = null, string?[]? ModelIds = null);

internal sealed record ModelGroupView(
    string Id, string Name, string Description, IReadOnlyList<string> ModelIds, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);
