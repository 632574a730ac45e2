namespace ScaiGrid.Platform.Accounting;

/// <summary>Filters usage by everything but time, which rows and rollups store differently. Null values do not restrict it.</summary>
internal sealed record UsageScope
{
    public string? PartnerId { get; init; }

    public string? TenantId { get; init; }

    public string? UserId { get; init; }

    /// <summary>The model's slug.</summary>
    public string? Model { get; init; }

    public string? BackendId { get; init; }

    public bool Covers(IUsageDimensions usage) =>
        (PartnerId is null || usage.PartnerId == PartnerId)
        && (TenantId is null || usage.TenantId == TenantId)
        && (UserId is null || usage.UserId == UserId)
        && (Model is null || usage.Model == Model)
        && (BackendId is null || usage.BackendId == BackendId);

    public IQueryable<T> Apply<T>(IQueryable<T> usage)
        where T : class, IUsageDimensions
    {
        usage = PartnerId is null ? usage : usage.Where(row => row.PartnerId == PartnerId);
        usage = TenantId is null ? usage : usage.Where(row => row.TenantId == TenantId);
        usage = UserId is null ? usage : usage.Where(row => row.UserId == UserId);
        usage = Model is null ? usage : usage.Where(row => row.Model == Model);
        return BackendId is null ? usage : usage.Where(row => row.BackendId == BackendId);
    }
}
