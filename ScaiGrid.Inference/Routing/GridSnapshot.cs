using System.Collections.Frozen;
using ScaiGrid.Core.Identity;

namespace ScaiGrid.Inference.Routing;

/// <summary>Everything that the hot path reads of the control plane: immutable, and swapped whole.</summary>
public sealed class GridSnapshot
{
    public static readonly GridSnapshot Empty = new()
    {
        Revision = -1,
        Keys = FrozenDictionary<ApiKeyHash, Caller>.Empty,
        Models = FrozenDictionary<string, ModelRoute>.Empty,
    };

    /// <summary>The control plane's revision that this snapshot shows; -1 before the first load.</summary>
    public required long Revision { get; init; }

    /// <summary>Live API keys by hash. Revoked keys, and keys of suspended users and tenants, are not in it.</summary>
    public required FrozenDictionary<ApiKeyHash, Caller> Keys { get; init; }

    /// <summary>Frontend models by slug.</summary>
    public required FrozenDictionary<string, ModelRoute> Models { get; init; }

    /// <summary>The model, when it exists and the caller may see it.</summary>
    public ModelRoute? FindModel(string slug, Caller caller) =>
        Models.TryGetValue(slug, out var model) && model.IsVisibleTo(caller) ? model : null;
}
