using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Identity;

/// <summary>Groups. They are managed by the identity provider, and can only be read here.</summary>
internal static class GroupEndpoints
{
    public static void MapGroups(this IEndpointRouteBuilder group)
    {
        group.MapGet("/groups", List).RequirePermission(Permissions.ManageUsers)
            .WithName("ListGroups").WithSummary("The tenant's groups, newest first.");
        group.MapGet("/groups/{id}", Get).RequirePermission(Permissions.ManageUsers)
            .WithName("GetGroup").WithSummary("One group, with what is directly in it.");
    }

    private static async Task<Ok<PageEnvelope<GroupView>>> List(
        [AsParameters] PageQuery query, [FromQuery(Name = "tenant_id")] string? tenantId, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var tenant = await db.TenantAsync(tenantId, caller, Permissions.ManageUsers, cancellationToken);
        var page = await db.ByIndex<Group>("ix_user_groups_tenant").AsNoTracking()
            .Where(group => group.TenantId == tenant.Id)
            .NewestAsync(query, Ids.Group, group => group.Id, cancellationToken);
        return page.As(group => new GroupView(group.Id, group.TenantId, group.Name, group.ExternalId, group.CreatedAt, group.UpdatedAt));
    }

    private static async Task<Results<Ok<Envelope<GroupDetailView>>, ProblemResult>> Get(
        string id, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        if (await db.ManagedGroupAsync(id, caller, cancellationToken) is not { } group)
        {
            return Reply.Problem(CoreErrors.NotFound);
        }

        return Reply.Ok(new GroupDetailView(
            group.Id,
            group.TenantId,
            group.Name,
            group.ExternalId,
            await db.GroupMembers.CountAsync(member => member.GroupId == id, cancellationToken),
            await db.GroupChildren.Where(child => child.GroupId == id).Select(child => child.ChildId).Order().ToListAsync(cancellationToken),
            group.CreatedAt,
            group.UpdatedAt));
    }

    /// <summary>Finds a group of a tenant whose users the caller manages; otherwise null.</summary>
    internal static Task<Group?> ManagedGroupAsync(this PlatformDb db, string? id, Caller caller, CancellationToken cancellationToken)
    {
        var tenants = db.Tenants.Within(caller, Permissions.ManageUsers);
        return db.Groups.AsNoTracking()
            .SingleOrDefaultAsync(group => group.Id == id && tenants.Any(tenant => tenant.Id == group.TenantId), cancellationToken);
    }
}

internal sealed record GroupView(string Id, string TenantId, string Name, string? ExternalId, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

/// <param name="Id">grp_…</param>
/// <param name="TenantId">The group's tenant.</param>
/// <param name="Name">The name shown to people.</param>
/// <param name="ExternalId">The identity provider's id.</param>
/// <param name="MemberCount">The number of users directly in it.</param>
/// <param name="GroupIds">The groups directly in it; their members are its members as well.</param>
/// <param name="CreatedAt">When it was created.</param>
/// <param name="UpdatedAt">When it was last changed.</param>
internal sealed record GroupDetailView(
    string Id,
    string TenantId,
    string Name,
    string? ExternalId,
    int MemberCount,
    IReadOnlyList<string> GroupIds,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt);
