namespace ScaiGrid.Core.Audit;

/// <summary>
/// Marks a column with what users write to models or to each other, or with what some readers of the log may not see: the audit log shows that it
/// changed, but not its values.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class PrivateAttribute : Attribute;
