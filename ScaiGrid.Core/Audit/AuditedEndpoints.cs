using Microsoft.AspNetCore.Builder;

namespace ScaiGrid.Core.Audit;

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
