using System.Collections.Frozen;
using ScaiGrid.Core.Identity;
using ScaiGrid.Inference.Admission;

namespace ScaiGrid.Inference.Routing;

/// <summary>The control plane's data that the hot path uses: immutable, and replaced as a whole.</summary>
public sealed class GridSnapshot
{
    public static readonly GridSnapshot Empty = new()
    {
        Revision = -1,
        Keys = FrozenDictionary<ApiKeyHash, Caller>.Empty,
        Users = new Dictionary<string, Caller>(),
        Subjects = new Dictionary<string, IReadOnlyList<KnownSubject>>(),
        IssuerTenants = FrozenDictionary<string, string>.Empty,
        Models = FrozenDictionary<string, ModelRoute>.Empty,
    };

    /// <summary>The control plane's revision of this snapshot; -1 before the first load.</summary>
    public required long Revision { get; init; }

    /// <summary>Valid API keys by hash, without revoked keys and keys of suspended users or tenants.</summary>
    public required FrozenDictionary<ApiKeyHash, Caller> Keys { get; init; }

    /// <summary>Active users of active tenants by id, as callers without an API key.</summary>
    public required IReadOnlyDictionary<string, Caller> Users { get; init; }

    /// <summary>The same by the identity provider's id: one user, or one in each of several tenants.</summary>
    public required IReadOnlyDictionary<string, IReadOnlyList<KnownSubject>> Subjects { get; init; }

    /// <summary>The ids of the active tenants by the slug under which the identity provider knows them; no two have the same.</summary>
    public required FrozenDictionary<string, string> IssuerTenants { get; init; }

    /// <summary>Frontend models by slug.</summary>
    public required FrozenDictionary<string, ModelRoute> Models { get; init; }

    /// <summary>Rate limits and budgets.</summary>
    public AdmissionRules Admission { get; init; } = AdmissionRules.None;

    /// <summary>Finds a model, if it exists and is visible to the caller.</summary>
    public ModelRoute? FindModel(string slug, Caller caller) =>
        Models.TryGetValue(slug, out var model) && model.IsVisibleTo(caller) ? model : null;
}

/// <summary>A user of the identity provider.</summary>
/// <param name="Caller">The user.</param>
/// <param name="TenantSlug">The identity provider's slug of the user's tenant; ours if the tenant was created here; null if neither names it.</param>
/// <param name="TenantExternalId">The identity provider's id of the user's tenant; null if the tenant was created here.</param>
public sealed record KnownSubject(Caller Caller, string? TenantSlug, string? TenantExternalId);
