using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Accounting;

/// <summary>Usage reports. All callers see their own usage; tenant, partner and super admins see that of their tenant, partner or installation.</summary>
internal static class UsageEndpoints
{
    private const int DefaultLimit = 100;
    private const string Group = "group";

    // The one that a caller has determines whose usage is visible: the caller's own, the tenant's, or the partner's.
    private static readonly string[] Sight = [Permissions.ViewOwnAccounting, Permissions.ViewTenantAccounting, Permissions.ViewPartnerAccounting];

    public static void MapUsage(this IEndpointRouteBuilder group)
    {
        group.MapGet("/accounting/usage", List).RequireAnyPermission(Sight)
            .WithName("ListUsage").WithSummary("One item a call, newest first.");
        group.MapGet("/accounting/usage/summary", Summarize).RequireAnyPermission(Sight)
            .WithName("SummarizeUsage").WithSummary("Sums of usage by model, user, backend, tenant or group of users, the greatest cost first.");
        group.MapGet("/accounting/export", Export).RequireAnyPermission(Sight)
            .WithName("ExportUsage").WithSummary("Every call of a range as csv, json or ndjson, oldest first, as one stream.");
    }

    private static RowExport<UsageView> Export(
        [AsParameters] UsageQuery query,
        string? format,
        Caller caller,
        IDbContextFactory<PlatformDb> databases,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var checks = new Checks();
        var kind = checks.OneOf("format", format, RowExport.Csv, RowExport.Csv, RowExport.Json, RowExport.Ndjson);
        checks.ThrowIfAny();
        return new RowExport<UsageView>("usage", kind, UsageExport.PagesAsync(databases, UsageFilter.Read(query, caller, time), cancellationToken));
    }

    private static async Task<Ok<PageEnvelope<UsageView>>> List(
        [AsParameters] PageQuery page,
        [AsParameters] UsageQuery query,
        Caller caller,
        PlatformDb db,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var (limit, after) = (page.Take(DefaultLimit), page.After(Ids.Usage));
        var filter = UsageFilter.Read(query, caller, time);
        var rows = await filter.Apply(db.ByIndex<UsageRow>(filter.ListIndex).AsNoTracking())
            .Between(filter.Start, filter.End)
            .Where(row => after == null || string.Compare(row.Id, after) < 0)
            .OrderByDescending(row => row.Id)
            .Take(limit + 1)
            .ToListAsync(cancellationToken);
        return rows.ConvertAll(UsageView.Of).ToPage(limit, view => view.Id);
    }

    private static async Task<Ok<UsageReport>> Summarize(
        [AsParameters] UsageQuery query,
        [FromQuery(Name = "group_by")] string? groupBy,
        string? limit,
        Caller caller,
        UsageSummary summary,
        GroupUsage groups,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var take = new PageQuery(limit, Cursor: null).Take(defaultLimit: 1000);
        var checks = new Checks();
        var key = checks.OneOf("group_by", groupBy, "model", "model", "user", "backend", "tenant", Group);
        if (key == Group && (query.UserId ?? query.Model ?? query.BackendId) is not null)
        {
            checks.Add("group_by", "group can be combined with start, end, period and tenant_id only.");
        }

        checks.ThrowIfAny();
        var filter = UsageFilter.Read(query, caller, time);
        var (sums, isWhole) = key == Group
            ? await groups.SumAsync(GroupScope.Of(filter), filter.Start, filter.End, take, cancellationToken)
            : await summary.SumAsync(filter, key, take, cancellationToken);
        return TypedResults.Ok(new UsageReport(sums, isWhole));
    }

    /// <summary>Restricts rows to a time range, with a bound on the primary key so that an index is used in any case.</summary>
    internal static IQueryable<UsageRow> Between(this IQueryable<UsageRow> rows, DateTimeOffset? start, DateTimeOffset? end)
    {
        if (start is { } from)
        {
            var lowest = UsageIds.LowerBound(from);
            rows = rows.Where(row => row.CreatedAt >= from && string.Compare(row.Id, lowest) >= 0);
        }

        if (end is { } to)
        {
            var highest = UsageIds.UpperBound(to);
            rows = rows.Where(row => row.CreatedAt < to && string.Compare(row.Id, highest) < 0);
        }

        return rows;
    }
}

/// <summary>The body of a summary.</summary>
/// <param name="Data">The sums.</param>
/// <param name="IsComplete">False if calls that are not in the database yet may be missing: Redis did not tell all of them.</param>
internal sealed record UsageReport(IReadOnlyList<UsageSum> Data, bool IsComplete)
{
    [JsonPropertyOrder(-1)]
    public string Status { get; } = "ok";
}

/// <summary>The usage of one value of the field that is grouped by.</summary>
internal sealed record UsageSum(
    string GroupKey, long RequestCount, long InputTokens, long OutputTokens, long TotalTokens, string TotalCost, string BackendCost);
