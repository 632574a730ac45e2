using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;

namespace ScaiGrid.Platform.Accounting;

/// <summary>The usage that a request asks for, restricted to what its caller may see.</summary>
/// <param name="Start">The first moment; null for no start.</param>
/// <param name="End">The first moment after the range; null for no end.</param>
/// <param name="Asked">The scope that the request asks for.</param>
/// <param name="Sight">The scope that the caller may see.</param>
internal sealed record UsageFilter(DateTimeOffset? Start, DateTimeOffset? End, UsageScope Asked, UsageScope Sight)
{
    /// <summary>The tenant, if only one is asked for or visible; otherwise null.</summary>
    public string? OneTenant => Sight.TenantId ?? Asked.TenantId;

    /// <summary>
    /// The index with the visible rows in the list's order. Null for a time range, for which the database chooses, and for several tenants.
    /// </summary>
    public string? ListIndex => Start is not null || End is not null ? null : OrderIndex;

    /// <summary>The index with the visible rows in the order of their ids; null if that is the primary key.</summary>
    public string? OrderIndex =>
        (Sight.UserId ?? Asked.UserId) is not null ? "ix_usage_records_user"
        : OneTenant is not null ? "ix_usage_records_tenant"
        : Sight.PartnerId is not null ? "ix_usage_records_partner"
        : null;

    /// <summary>A filter for all usage of a scope.</summary>
    public static UsageFilter All(UsageScope scope, DateTimeOffset? start, DateTimeOffset? end) => new(start, end, scope, new UsageScope());

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
        var asked = new UsageScope { UserId = query.UserId, TenantId = query.TenantId, Model = query.Model, BackendId = query.BackendId };
        return new UsageFilter(start ?? Before(end ?? time.GetUtcNow(), period), end, asked, SightOf(caller));
    }

    /// <summary>Whether usage matches the filter, apart from its time.</summary>
    public bool Covers(IUsageDimensions usage) => Asked.Covers(usage) && Sight.Covers(usage);

    /// <inheritdoc cref="Covers"/>
    public IQueryable<T> Apply<T>(IQueryable<T> usage)
        where T : class, IUsageDimensions => Asked.Apply(Sight.Apply(usage));

    private static UsageScope SightOf(Caller caller) =>
        ReachOf(caller) switch
        {
            Reach.Grid => new UsageScope(),
            Reach.Partner => new UsageScope { PartnerId = caller.PartnerId },
            Reach.Tenant => new UsageScope { TenantId = caller.TenantId },
            _ => new UsageScope { TenantId = caller.TenantId, UserId = caller.UserId },
        };

    // Null: only the caller's own usage.
    private static Reach? ReachOf(Caller caller) =>
        caller.ReachOf(Permissions.ViewPartnerAccounting) ?? (caller.Has(Permissions.ViewTenantAccounting) ? Reach.Tenant : null);

    private static DateTimeOffset? Before(DateTimeOffset end, string period) => period switch
    {
        "hour" => end.AddHours(-1),
        "day" => end.AddDays(-1),
        "week" => end.AddDays(-7),
        "month" => end.AddMonths(-1),
        _ => null,
    };
}
