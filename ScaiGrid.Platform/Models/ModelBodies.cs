using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using ScaiGrid.Core.Http;

namespace ScaiGrid.Platform.Models;

/// <param name="Slug">The name that callers use; cannot be changed.</param>
/// <param name="DisplayName">The name shown to people; the slug if omitted.</param>
/// <param name="Description">The description shown to people.</param>
/// <param name="Modality">chat (the default), embedding, image or audio.</param>
/// <param name="Capabilities">For example chat, tools.</param>
/// <param name="ContextWindow">In tokens.</param>
/// <param name="MaxOutputTokens">In tokens; larger limits of callers are lowered to it.</param>
/// <param name="InputPricePerMtok">The price for callers per million input tokens, a decimal string; 0 by default.</param>
/// <param name="OutputPricePerMtok">The price for callers per million output tokens, a decimal string; 0 by default.</param>
/// <param name="ImagePrice">The price for callers per image, in addition to tokens, a decimal string; 0 by default.</param>
/// <param name="AudioPricePerMinute">The price for callers per minute of transcribed audio, in addition to tokens, a decimal string; 0 by default.</param>
/// <param name="CachedInputPricePerMtok">The price for callers per million input tokens that the upstream had cached; the input price if omitted.</param>
/// <param name="DefaultParams">Defaults of request fields that callers omit; an output limit in it is lowered to the model's own.</param>
/// <param name="SystemPromptTemplate">Put before every conversation.</param>
/// <param name="Status">active (the default) or deprecated.</param>
/// <param name="Metadata">Any JSON object.</param>
/// <param name="DefaultAccess">The access of tenants without a rule: allow (the default) or block.</param>
/// <param name="DeprecatedAt">The date, past or future, from which callers should use another model.</param>
/// <param name="SunsetAt">The announced end of the model.</param>
public sealed record CreateModel(
    string? Slug,
    string? DisplayName = null,
    string? Description = null,
    string? Modality = null,
    string?[]? Capabilities = null,
    int? ContextWindow = null,
    int? MaxOutputTokens = null,
    string? InputPricePerMtok = null,
    string? OutputPricePerMtok = null,
    string? ImagePrice = null,
    string? AudioPricePerMinute = null,
    string? CachedInputPricePerMtok = null,
    JsonObject? DefaultParams = null,
    string? SystemPromptTemplate = null,
    string? Status = null,
    JsonObject? Metadata = null,
    string? DefaultAccess = null,
    string? DeprecatedAt = null,
    string? SunsetAt = null);

/// <summary>Omitted fields keep their values; <c>null</c> removes a limit, a date or the template.</summary>
public sealed record UpdateModel(
    string? Slug = null,
    string? DisplayName = null,
    string? Description = null,
    string? Modality = null,
    string?[]? Capabilities = null,
    string? InputPricePerMtok = null,
    string? OutputPricePerMtok = null,
    string? ImagePrice = null,
    string? AudioPricePerMinute = null,
    JsonObject? DefaultParams = null,
    string? Status = null,
    JsonObject? Metadata = null,
    string? DefaultAccess = null)
{
    public Optional<string> DeprecatedAt { get; init; }

    public Optional<string> SunsetAt { get; init; }

    public Optional<int?> ContextWindow { get; init; }

    public Optional<int?> MaxOutputTokens { get; init; }

    public Optional<string> CachedInputPricePerMtok { get; init; }

    public Optional<string> SystemPromptTemplate { get; init; }
}

/// <param name="Id">mdl_…</param>
/// <param name="Slug">The name that callers use.</param>
/// <param name="DisplayName">The name shown to people.</param>
/// <param name="Description">The description shown to people.</param>
/// <param name="Modality">chat, embedding, image or audio.</param>
/// <param name="Capabilities">For example chat, tools.</param>
/// <param name="ContextWindow">In tokens.</param>
/// <param name="MaxOutputTokens">In tokens.</param>
/// <param name="InputPricePerMtok">A decimal string.</param>
/// <param name="OutputPricePerMtok">A decimal string.</param>
/// <param name="ImagePrice">Per image, a decimal string.</param>
/// <param name="AudioPricePerMinute">Per minute of transcribed audio, a decimal string.</param>
/// <param name="CachedInputPricePerMtok">A decimal string; null if cached tokens cost as much as others.</param>
/// <param name="PriceVersion">The version of the prices, from 1; usage records have the version that was charged.</param>
/// <param name="DefaultParams">Defaults of request fields that callers omit.</param>
/// <param name="SystemPromptTemplate">Shown only to callers who manage models.</param>
/// <param name="Status">active or deprecated.</param>
/// <param name="Metadata">Any JSON object.</param>
/// <param name="DefaultAccess">allow or block, for tenants without a rule.</param>
/// <param name="DeprecatedAt">The date, past or future, from which another model should be used.</param>
/// <param name="SunsetAt">The announced end of the model.</param>
/// <param name="HealthStatus">healthy; degraded: not all of its backends are healthy; unhealthy: no backend answers calls; unavailable: no backend can be
/// called.</param>
/// <param name="ActiveBackendCount">Backends that answer calls, as seen by the replica that answers.</param>
/// <param name="TotalBackendCount">Backends in the model's routing.</param>
/// <param name="CreatedAt">When it was created.</param>
/// <param name="UpdatedAt">When it was last changed.</param>
internal sealed record ModelView(
    string Id,
    string Slug,
    string DisplayName,
    string Description,
    string Modality,
    IReadOnlyList<string> Capabilities,
    int? ContextWindow,
    int? MaxOutputTokens,
    string InputPricePerMtok,
    string OutputPricePerMtok,
    string ImagePrice,
    string AudioPricePerMinute,
    string? CachedInputPricePerMtok,
    int PriceVersion,
    JsonObject DefaultParams,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? SystemPromptTemplate,
    string Status,
    JsonObject Metadata,
    string DefaultAccess,
    DateTimeOffset? DeprecatedAt,
    DateTimeOffset? SunsetAt,
    string HealthStatus,
    int ActiveBackendCount,
    int TotalBackendCount,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt);
