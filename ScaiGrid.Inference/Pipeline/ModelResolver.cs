using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Routing;

namespace ScaiGrid.Inference.Pipeline;

/// <summary>Finds the requested model in the snapshot, or returns why it cannot be used.</summary>
public sealed class ModelResolver(SnapshotStore snapshots, TimeProvider time)
{
    /// <param name="slug">As the caller wrote it.</param>
    /// <param name="modality">The required modality: <c>chat</c>, <c>embedding</c>, <c>image</c> or <c>audio</c>.</param>
    /// <param name="context">The context of the call.</param>
    /// <param name="problem">The reason, if there is no route.</param>
    /// <returns>A route with at least one target, or null.</returns>
    public ModelRoute? Resolve(string slug, string modality, CallContext context, out Problem? problem)
    {
        var route = Find(slug, modality, context.Caller, out problem);
        if (route is { Targets.Length: 0 })
        {
            problem = new Problem(InferenceErrors.ModelUnavailable, "The model has no active backend.", IsLasting: true);
        }

        return problem is null ? route!.For(context.Caller, time.GetUtcNow()) : null;
    }

    /// <summary>Checks that the caller may use a model that is called later. The model may have no backend at the moment.</summary>
    /// <returns>The reason if not; null if it may.</returns>
    public Problem? Check(string slug, string modality, Caller caller)
    {
        Find(slug, modality, caller, out var problem);
        return problem;
    }

    private ModelRoute? Find(string slug, string modality, Caller caller, out Problem? problem)
    {
        var route = snapshots.Current.FindModel(slug, caller);
        problem = route switch
        {
            null when slug.Length == 0 => Problem.Invalid("model", "must not be empty."),
            null => InferenceErrors.NoModel(slug, snapshots),
            _ when !route.IsEnabledFor(caller) => new Problem(InferenceErrors.ModelAccessDenied),
            _ when route.Modality != modality => Problem.Invalid("model", $"is a model for {route.Modality}, not for {modality}."),
            _ => null,
        };
        return problem is null ? route : null;
    }
}
