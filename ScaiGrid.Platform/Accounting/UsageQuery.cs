using Microsoft.AspNetCore.Mvc;

namespace ScaiGrid.Platform.Accounting;

/// <summary>The query of accounting's lists. Without <c>start</c>, <c>period</c> selects the last hour, day, week or month before <c>end</c>.</summary>
internal sealed record UsageQuery(
    [property: FromQuery(Name = "start")] string? Start,
    [property: FromQuery(Name = "end")] string? End,
    [property: FromQuery(Name = "period")] string? Period,
    [property: FromQuery(Name = "user_id")] string? UserId,
    [property: FromQuery(Name = "tenant_id")] string? TenantId,
    [property: FromQuery(Name = "model")] string? Model,
    [property: FromQuery(Name = "backend_id")] string? BackendId);
