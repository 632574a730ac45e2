using Microsoft.AspNetCore.Mvc;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;

namespace ScaiGrid.Platform.Accounting;

/// <summary>The query of accounting's lists. <c>period</c> is the last hour, day, week or month before <c>end</c>, where no <c>start</c> is given.</summary>
internal sealed record UsageQuery(
    [property: FromQuery(Name = "start")] string? Start,
    [property: FromQuery(Name = "end")] string? End,
    [property: FromQuery(Name = "period")] string? Period,
    [property: FromQuery(Name = "user_id")] string? UserId,
    [property: FromQuery(Name = "tenant_id")] string? TenantId,
    [property: FromQuery(Name = "model")] string? Model,
    [property: FromQuery(Name = "backend_id")] string? BackendId);

/// <summary>Which usage a request is about: what it asks for, within what its caller may see.</summary>
/// <param name="Start">First moment; null for the beginning.</param>
/// <param name="End">First moment after; null for no end.</param>
internal sealed record UsageFilter(DateTimeOffset? Start, DateTimeOffset? End)
{
    public required Caller Caller { get; init; }

    public required UsageQuery Query { get; init; }

    /// <summary>The tenant whose usage alone can be seen or is asked for; null for several.</summary>
    public string? OneTenant =>
        Sight is Reach.Grid or Reach.Partner ? Query.TenantId : Caller.TenantId;

    // Null: their own usage alone.
    private Reach? Sight => Caller.ReachOf(Permissions.ViewPartnerAccounting) ?? (Caller.Has(Permissions.ViewTenantAccounting) ? Reach.Tenant : null);

    public static UsageFilter Read(UsageQuery query, Caller caller, TimeProvider time)
    {
        var checks = new Checks();
        var (start, end) = (checks.Time("start", query.Start), checks.Time("end", query.End));
        var period = checks.OneOf("period", query.Period, "", "hour", "day", "week", "month");
        if (start >= end)
        {
            checks.Add("end", "must be after start.");
        }

        checks.ThrowIfAny();
        return new UsageFilter(start ?? Before(end ?? time.GetUtcNow(), period), end) { Caller = caller, Query = query };
    }

    /// <summary>Everything but the time, which rows and rollups keep differently.</summary>
    public IQueryable<T> Apply<T>(IQueryable<T> usage)
        where T : class, IUsageDimensions
    {
        usage = WithinSight(usage);
        var (userId, tenantId, model, backendId) = (Query.UserId, Query.TenantId, Query.Model, Query.BackendId);
        usage = userId is null ? usage : usage.Where(row => row.UserId == userId);
        usage = tenantId is null ? usage : usage.Where(row => row.TenantId == tenantId);
        usage = model is null ? usage : usage.Where(row => row.Model == model);
        return backendId is null ? usage : usage.Where(row => row.BackendId == backendId);
    }

    private IQueryable<T> WithinSight<T>(IQueryable<T> usage)
        where T : class, IUsageDimensions
    {
        var (partnerId, tenantId, userId) = (Caller.PartnerId, Caller.TenantId, Caller.UserId);
        return Sight switch
        {
            Reach.Grid => usage,
            Reach.Partner => usage.Where(row => row.PartnerId == partnerId),
            Reach.Tenant => usage.Where(row => row.TenantId == tenantId),
            _ => usage.Where(row => row.TenantId == tenantId && row.UserId == userId),
        };
    }

    private static DateTimeOffset? Before(DateTimeOffset end, string period) => period switch
    {
        "hour" => end.AddHours(-1),
        "day" => end.AddDays(-1),
        "week" => end.AddDays(-7),
        "month" => end.AddMonths(-1),
        _ => null,
    };
}
