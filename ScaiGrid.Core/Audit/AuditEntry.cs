using System.Reflection;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace ScaiGrid.Core.Audit;

/// <summary>
/// What the audit log will say of the running call. Handlers take it as a parameter where they know better than the defaults: the
/// caller's tenant or the changed rows', the route's id or the changed row's.
/// </summary>
public sealed class AuditEntry : IBindableFromHttpContext<AuditEntry>
{
    public required string Action { get; set; }

    public required string ResourceType { get; set; }

    public string? ResourceId { get; set; }

    /// <summary>Where the row belongs, and in whose chain; null: the tenant of what was changed, else the caller's.</summary>
    public string? TenantId { get; set; }

    public string? PartnerId { get; set; }

    public string? ActorId { get; set; }

    public string? ActorEmail { get; set; }

    /// <summary>One of <see cref="ActorTypes"/>.</summary>
    public string ActorType { get; set; } = ActorTypes.User;

    public required string RequestId { get; init; }

    public string IpAddress { get; init; } = "";

    public string UserAgent { get; init; } = "";

    /// <summary>What the changed rows do not tell, for example the effect of a statement that passes the change tracker by. Secrets are masked by their names.</summary>
    public JsonObject? Details { get; set; }

    /// <summary>Lets handlers take an <see cref="AuditEntry"/> parameter. Null on endpoints that are not audited.</summary>
    public static ValueTask<AuditEntry?> BindAsync(HttpContext context, ParameterInfo parameter) =>
        ValueTask.FromResult(context.Features.Get<AuditEntry>());
}

/// <summary>Who acts.</summary>
public static class ActorTypes
{
    public const string User = "user";
    public const string Service = "service";
    public const string Webhook = "webhook";
}
