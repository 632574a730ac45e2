namespace ScaiGrid.Inference.Routing;

/// <summary>A backend's place in a model's routing policy.</summary>
/// <param name="Backend">The backend.</param>
/// <param name="Weight">Share among the targets of the same priority; 0 is a target of last resort within it.</param>
/// <param name="Priority">Lower numbers are tried first.</param>
public sealed record Target(Backend Backend, int Weight, int Priority);
