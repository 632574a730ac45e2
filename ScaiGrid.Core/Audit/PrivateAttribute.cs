namespace ScaiGrid.Core.Audit;

/// <summary>On a column that holds what users say to models or to each other: the audit log shows that it changed, not what it was.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class PrivateAttribute : Attribute;
