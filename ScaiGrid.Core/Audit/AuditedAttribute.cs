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
