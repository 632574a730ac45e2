namespace ScaiGrid.Platform.Accounting;

/// <summary>Whose usage, and of what: everything but the time, which rows and rollups keep differently. What is null does not narrow.</summary>
internal sealed record UsageScope
{
    public string? PartnerId { get; init; }

    public string? TenantId { get; init; }

    public string? UserId { get; init; }

    /// <summary>Any of these users.</summary>
    public string[]? UserIds { get; init; }

    /// <summary>The model's slug.</summary>
    public string? Model { get; init; }

    public string? BackendId { get; init; }

    public IQueryable<T> Apply<T>(IQueryable<T> usage)
        where T : class, IUsageDimensions
    {
        usage = PartnerId is null ? usage : usage.Where(row => row.PartnerId == PartnerId);
        usage = TenantId is null ? usage : usage.Where(row => row.TenantId == TenantId);
        usage = UserId is null ? usage : usage.Where(row => row.UserId == UserId);
        usage = UserIds is null ? usage : usage.Where(row => UserIds.Contains(row.UserId));
        usage = Model is null ? usage : usage.Where(row => row.Model == Model);
        return BackendId is null ? usage : usage.Where(row => row.BackendId == BackendId);
    }
}
