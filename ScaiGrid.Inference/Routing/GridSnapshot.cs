using System.Collections.Frozen;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Admission;

namespace ScaiGrid.Inference.Routing;

/// <summary>Everything that the hot path reads of the control plane: immutable, and swapped whole.</summary>
public sealed class GridSnapshot
{
    public static readonly GridSnapshot Empty = new()
    {
        Revision = -1,
        Keys = FrozenDictionary<ApiKeyHash, Caller>.Empty,
        Users = new Dictionary<string, Caller>(),
        Subjects = new Dictionary<string, IReadOnlyList<KnownSubject>>(),
        TenantSlugs = FrozenSet<string>.Empty,
        Models = FrozenDictionary<string, ModelRoute>.Empty,
    };

    /// <summary>The control plane's revision that this snapshot shows; -1 before the first load.</summary>
    public required long Revision { get; init; }

    /// <summary>Live API keys by hash. Revoked keys, and keys of suspended users and tenants, are not in it.</summary>
    public required FrozenDictionary<ApiKeyHash, Caller> Keys { get; init; }

    /// <summary>Active users of active tenants by id, as callers without a key.</summary>
    public required IReadOnlyDictionary<string, Caller> Users { get; init; }

    /// <summary>The same by what the identity provider calls them: one user, or one in each of several tenants.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<KnownSubject>> Subjects { get; init; }

    /// <summary>Slugs of the active tenants.</summary>
    public required FrozenSet<string> TenantSlugs { get; init; }

    /// <summary>Frontend models by slug.</summary>
    public required FrozenDictionary<string, ModelRoute> Models { get; init; }

    /// <summary>Rate limits and budgets.</summary>
    public AdmissionRules Admission { get; init; } = AdmissionRules.None;

    /// <summary>The model, when it exists and the caller may see it.</summary>
    public ModelRoute? FindModel(string slug, Caller caller) =>
        Models.TryGetValue(slug, out var model) && model.IsVisibleTo(caller) ? model : null;
}

/// <summary>A user whom the identity provider knows.</summary>
/// <param name="Caller">The user.</param>
/// <param name="TenantExternalId">What the identity provider calls their tenant; null when the tenant was made here.</param>
public sealed record KnownSubject(Caller Caller, string? TenantExternalId);
