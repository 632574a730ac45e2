using Microsoft.AspNetCore.Mvc;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Audit;

/// <summary>The query of the audit log's list and export.</summary>
internal sealed record AuditQuery(
    [property: FromQuery(Name = "start")] string? Start,
    [property: FromQuery(Name = "end")] string? End,
    [property: FromQuery(Name = "action")] string? Action,
    [property: FromQuery(Name = "actor_id")] string? ActorId,
    [property: FromQuery(Name = "resource_type")] string? ResourceType,
    [property: FromQuery(Name = "resource_id")] string? ResourceId,
    [property: FromQuery(Name = "status")] string? Status,
    [property: FromQuery(Name = "ip_address")] string? IpAddress,
    [property: FromQuery(Name = "tenant_id")] string? TenantId);

/// <summary>The rows that a request asks for, restricted to what its caller may see.</summary>
internal sealed record AuditFilter(AuditQuery Query, DateTimeOffset? Start, DateTimeOffset? End)
{
    public static AuditFilter Read(AuditQuery query)
    {
        var checks = new Checks();
        var (start, end) = (checks.Time("start", query.Start), checks.Time("end", query.End));
        checks.OneOf("status", query.Status, "", AuditStatus.Success, AuditStatus.Failure);
        if (start >= end)
        {
            checks.Add("end", "must be after start.");
        }

        checks.ThrowIfAny();
        return new AuditFilter(query, start, end);
    }

    /// <summary>Tenant admins see their tenant, partner admins their partner's tenants, super admins everything.</summary>
    public static IQueryable<AuditRow> WithinSight(IQueryable<AuditRow> rows, Caller caller, string? tenantId)
    {
        var (ownTenant, partner) = (caller.TenantId, caller.PartnerId);
        rows = caller.ReachOf(Permissions.Administer) switch
        {
            Reach.Grid => rows,
            Reach.Partner => rows.Where(row => row.PartnerId == partner),
            _ => rows.Where(row => row.TenantId == ownTenant),
        };
        return tenantId is null ? rows : rows.Where(row => row.TenantId == tenantId);
    }

    public IQueryable<AuditRow> Apply(PlatformDb db, Caller caller)
    {
        var rows = WithinSight(db.ByIndex<AuditRow>(Index(caller)).AsNoTracking(), caller, Query.TenantId);
        var (action, actor, type, resource, status, ip) = (Query.Action, Query.ActorId, Query.ResourceType, Query.ResourceId, Query.Status, Query.IpAddress);
        rows = action is null ? rows : rows.Where(row => row.Action == action);
        rows = actor is null ? rows : rows.Where(row => row.ActorId == actor);
        rows = type is null ? rows : rows.Where(row => row.ResourceType == type);
        rows = resource is null ? rows : rows.Where(row => row.ResourceId == resource);
        rows = status is null ? rows : rows.Where(row => row.Status == status);
        rows = ip is null ? rows : rows.Where(row => row.IpAddress == ip);
        if (Start is { } from)
        {
            var lowest = IdTimes.Lowest(Ids.Audit, from.AddMilliseconds(-1));
            rows = rows.Where(row => row.CreatedAt >= from && string.Compare(row.Id, lowest) >= 0);
        }

        if (End is { } to)
        {
            var highest = IdTimes.Lowest(Ids.Audit, to.AddSeconds(1));
            rows = rows.Where(row => row.CreatedAt < to && string.Compare(row.Id, highest) < 0);
        }

        return rows;
    }

    /// <summary>The index with the list's order and the most selective of the given values. Null for the primary key.</summary>
    private string? Index(Caller caller)
    {
        var reach = caller.ReachOf(Permissions.Administer);
        return Query switch
        {
            // A resource and an actor have few rows outside of their partner.
            { TenantId: null, ResourceId: not null } when reach is not Reach.Tenant => "ix_audit_log_all_resource_id",
            { TenantId: null, ActorId: not null } when reach is not Reach.Tenant => "ix_audit_log_all_actor",
            { TenantId: null } when reach is Reach.Partner => "ix_audit_log_partner",
            { TenantId: null, IpAddress: not null } when reach is Reach.Grid => "ix_audit_log_all_ip",
            { TenantId: null, Action: not null } when reach is Reach.Grid => "ix_audit_log_all_action",
            { TenantId: null, ResourceType: not null } when reach is Reach.Grid => "ix_audit_log_all_resource_type",
            { TenantId: null, Status: not null } when reach is Reach.Grid => "ix_audit_log_all_status",
            { TenantId: null } when reach is Reach.Grid => null,
            { ResourceId: not null } => "ix_audit_log_resource_id",
            { ActorId: not null } => "ix_audit_log_actor",
            { IpAddress: not null } => "ix_audit_log_ip",
            { Action: not null } => "ix_audit_log_action",
            { ResourceType: not null } => "ix_audit_log_resource_type",
            { Status: not null } => "ix_audit_log_status",
            _ => "ix_audit_log_tenant",
        };
    }
}
