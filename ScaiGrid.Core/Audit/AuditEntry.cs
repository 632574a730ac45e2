using System.Reflection;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace ScaiGrid.Core.Audit;

/// <summary>
/// The audit row of the current request, filled with defaults: the caller's tenant or that of the changed rows, the id from the route or of the
/// changed row. Handlers that have better values take it as a parameter.
/// </summary>
public sealed class AuditEntry : IBindableFromHttpContext<AuditEntry>
{
    public required string Action { get; set; }

    public required string ResourceType { get; set; }

    public string? ResourceId { get; set; }

    /// <summary>The tenant of the row, and of its hash chain; null: the tenant of the changed rows, or else the caller's.</summary>
    public string? TenantId { get; set; }

    public string? PartnerId { get; set; }

    public string? ActorId { get; set; }

    public string? ActorEmail { get; set; }

    /// <summary>One of <see cref="ActorTypes"/>.</summary>
    public string ActorType { get; set; } = ActorTypes.User;

    public required string RequestId { get; init; }

    public string IpAddress { get; init; } = "";

    public string UserAgent { get; init; } = "";

    /// <summary>
    /// Details that the changed rows do not show, for example the effect of a statement that bypasses the change tracker. Secrets are masked by name.
    /// </summary>
    public JsonObject? Details { get; set; }

    /// <summary>Lets handlers take an <see cref="AuditEntry"/> parameter. Null on endpoints that are not audited.</summary>
    public static ValueTask<AuditEntry?> BindAsync(HttpContext context, ParameterInfo parameter) =>
        ValueTask.FromResult(context.Features.Get<AuditEntry>());
}
