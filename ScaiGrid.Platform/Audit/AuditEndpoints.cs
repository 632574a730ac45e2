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

namespace ScaiGrid.Platform.Audit;

/// <summary>Reads the audit log; no endpoint writes to it directly.</summary>
internal static class AuditEndpoints
{
    private const int DefaultLimit = 100;

    public static void MapAudit(this IEndpointRouteBuilder group)
    {
        group.MapGet("/audit-log", List).RequirePermission(Permissions.Administer)
            .WithName("ListAuditLog").WithSummary("Who wrote what, newest first.");
        group.MapGet("/audit-log/export", Export).RequirePermission(Permissions.Administer)
            .WithName("ExportAuditLog").WithSummary("The same, whole, as csv, json or ndjson.")
            .Produces(StatusCodes.Status200OK, contentType: "text/csv");
        group.MapGet("/audit-log/verify", Verify).RequirePermission(Permissions.Administer)
            .WithName("VerifyAuditLog").WithSummary("Whether a tenant's chain of rows is whole.");
    }

    private static async Task<Ok<PageEnvelope<AuditView>>> List(
        [AsParameters] PageQuery page, [AsParameters] AuditQuery query, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var (limit, after) = (page.Take(DefaultLimit), page.After(Ids.Audit));
        var rows = await AuditFilter.Read(query).Apply(db, caller)
            .Where(row => after == null || string.Compare(row.Id, after) < 0)
            .OrderByDescending(row => row.Id)
            .Take(limit + 1)
            .ToListAsync(cancellationToken);
        return rows.ConvertAll(AuditView.Of).ToPage(limit, view => view.Id);
    }

    private static RowExport<AuditView> Export(
        [AsParameters] AuditQuery query, string? format, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var checks = new Checks();
        var chosen = checks.OneOf("format", format, RowExport.Json, RowExport.Csv, RowExport.Json, RowExport.Ndjson);
        checks.ThrowIfAny();
        return new RowExport<AuditView>("audit-log", chosen, AuditExport.PagesAsync(AuditFilter.Read(query).Apply(db, caller), cancellationToken));
    }

    private static async Task<Results<Ok<Envelope<AuditVerdict>>, ProblemResult>> Verify(
        [FromQuery(Name = "tenant_id")] string? tenantId, Caller caller, PlatformDb db, CancellationToken cancellationToken)
    {
        var asked = tenantId ?? caller.TenantId;
        var rows = AuditFilter.WithinSight(db.AuditRows.AsNoTracking(), caller, asked);
        return asked == caller.TenantId || await rows.AnyAsync(cancellationToken)
            ? Reply.Ok(await AuditVerifier.VerifyAsync(db, asked, rows, cancellationToken))
            : Reply.Problem(CoreErrors.NotFound);
    }
}
