using ScaiGrid.Core.Errors;

namespace ScaiGrid.Platform.Models;

/// <summary>Errors of models, backends and providers. An unknown model is <see cref="Inference.Pipeline.InferenceErrors.ModelNotFound"/>.</summary>
internal static class ModelErrors
{
    public static readonly Error BackendNotFound = new("BACKEND_NOT_FOUND", 404, "There is no such backend.");
    public static readonly Error ProviderNotFound = new("PROVIDER_NOT_FOUND", 404, "There is no such provider.");
    public static readonly Error SlugConflict = CoreErrors.SlugConflict with { Message = "A model with this slug exists." };
    public static readonly Error ProviderHasBackends = new("PROVIDER_HAS_BACKENDS", 409, "Delete the provider's backends first.");
    public static readonly Error ProviderDiscovery = new("PROVIDER_DISCOVERY_ERROR", 502, "The upstream did not return its list of models.");
    public static readonly Error ProviderNameTaken = CoreErrors.Conflict with { Message = "A provider with this name exists." };
    public static readonly Error GroupHasRules = CoreErrors.Conflict with { Message = "The group has access rules: remove them first." };
    public static readonly Error ModelIsMapped = CoreErrors.Conflict with { Message = "The model is mapped to backends: remove its routing targets first." };
    public static readonly Error PricesChanged = CoreErrors.Conflict with { Message = "The prices were changed by somebody else meanwhile; look at them and try again." };
    public static readonly Error GroupNameTaken = CoreErrors.Conflict with { Message = "A group of models with this name exists." };
    public static readonly Error GroupChanged = CoreErrors.Conflict with { Message = "The group or a model of it was changed by somebody else meanwhile; look at it and try again." };
    public static readonly Error AccessChanged = CoreErrors.Conflict with { Message = "The rule was changed by somebody else meanwhile; look at it and try again." };
    public static readonly Error AvatarChanged = CoreErrors.Conflict with { Message = "The avatar was changed by somebody else meanwhile; try again." };
    public static readonly Error OperatorsOnly = CoreErrors.PermissionDenied with { Message = "Only the installation's operators may do this." };
    public static readonly Error RoutingChanged = CoreErrors.Conflict with { Message = "The routing was changed by somebody else meanwhile; look at it and try again." };
}
