namespace ScaiGrid.Inference.Admission;

/// <summary>
/// Endpoint metadata: each call runs a model, so the limits of <see cref="CallAdmission"/> apply. Calls of all other endpoints count as
/// control-plane calls. On gRPC methods it is written as an attribute.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class CallsModelAttribute : Attribute;
