using Microsoft.AspNetCore.Builder;

namespace ScaiGrid.Core.Audit;

/// <summary>
/// Endpoint metadata: the action and resource type under which a write is audited. A test requires this or
/// <see cref="NotAuditedAttribute"/> on every POST, PUT, PATCH and DELETE endpoint.
/// </summary>
/// <param name="action">The noun and the verb, for example <c>api_key.create</c>.</param>
/// <param name="resourceType">The kind of resource, for example <c>api_key</c>.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class AuditedAttribute(string action, string resourceType) : Attribute
{
    public string Action { get; } = action;

    public string ResourceType { get; } = resourceType;
}

/// <summary>Endpoint metadata: a write without a row in the audit log.</summary>
/// <param name="reason">Why it needs none; for readers of the code.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class NotAuditedAttribute(string reason) : Attribute
{
    public string Reason { get; } = reason;
}

/// <summary>Extension methods that declare how endpoints are audited.</summary>
public static class AuditedEndpoints
{
    /// <summary>
    /// Writes a row in the audit log for each call: in the same transaction as a write that succeeds, afterwards for one that is refused or fails.
    /// The endpoint also supports <c>Idempotency-Key</c>. A handler that has details beyond its route and the changed rows takes an
    /// <see cref="AuditEntry"/> parameter.
    /// </summary>
    public static TBuilder Audited<TBuilder>(this TBuilder builder, string action, string resourceType)
        where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new AuditedAttribute(action, resourceType));

    /// <summary>The endpoint writes nothing that an audit needs, for the given <paramref name="reason"/>.</summary>
    public static TBuilder NotAudited<TBuilder>(this TBuilder builder, string reason)
        where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new NotAuditedAttribute(reason));
}
