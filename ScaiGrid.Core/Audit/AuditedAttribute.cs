using Microsoft.AspNetCore.Builder;

namespace ScaiGrid.Core.Audit;

/// <summary>
/// Endpoint metadata: what the audit log calls a write. A POST, PUT, PATCH or DELETE endpoint has this or
/// <see cref="NotAuditedAttribute"/>, or fails a test.
/// </summary>
/// <param name="action">The noun and the verb, for example <c>api_key.create</c>.</param>
/// <param name="resourceType">What is written, for example <c>api_key</c>.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class AuditedAttribute(string action, string resourceType) : Attribute
{
    public string Action { get; } = action;

    public string ResourceType { get; } = resourceType;
}

/// <summary>Endpoint metadata: a write that leaves no row in the audit log, and why.</summary>
/// <param name="reason">For whoever asks.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class NotAuditedAttribute(string reason) : Attribute
{
    public string Reason { get; } = reason;
}

/// <summary>How an endpoint says what the audit log calls it.</summary>
public static class AuditedEndpoints
{
    /// <summary>
    /// Each call leaves a row in the audit log: a write that succeeds in its own transaction, one that is refused or fails after it.
    /// The endpoint also honours <c>Idempotency-Key</c>. A handler that knows more than its route and its changed rows tell takes an
    /// <see cref="AuditEntry"/> parameter.
    /// </summary>
    public static TBuilder Audited<TBuilder>(this TBuilder builder, string action, string resourceType)
        where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new AuditedAttribute(action, resourceType));

    /// <summary>The endpoint writes nothing that an auditor asks for; <paramref name="reason"/> says why.</summary>
    public static TBuilder NotAudited<TBuilder>(this TBuilder builder, string reason)
        where TBuilder : IEndpointConventionBuilder => builder.WithMetadata(new NotAuditedAttribute(reason));
}
