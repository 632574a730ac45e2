namespace ScaiGrid.Core.Audit;

/// <summary>Endpoint metadata: a write without a row in the audit log.</summary>
/// <param name="reason">Why it needs none; for readers of the code.</param>
[AttributeUsage(AttributeTargets.Method)]
public sealed class NotAuditedAttribute(string reason) : Attribute
{
    public string Reason { get; } = reason;
}
