using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using ScaiGrid.Core;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Platform.Snapshot;

namespace ScaiGrid.Platform.Models;

/// <param name="Slug">The name that callers use; never changes.</param>
/// <param name="DisplayName">For people; the slug when left out.</param>
/// <param name="Description">For people.</param>
/// <param name="Modality">chat (the default), embedding, image or audio.</param>
/// <param name="Capabilities">For example chat, tools.</param>
/// <param name="ContextWindow">Tokens.</param>
/// <param name="MaxOutputTokens">Tokens; callers who ask for more get this.</param>
/// <param name="InputPricePerMtok">What callers pay for a million input tokens, a decimal string; 0 when left out.</param>
/// <param name="OutputPricePerMtok">What callers pay for a million output tokens, a decimal string; 0 when left out.</param>
/// <param name="ImagePrice">What callers pay for a picture, a decimal string, besides any tokens; 0 when left out.</param>
/// <param name="AudioPricePerMinute">What callers pay for a minute of transcribed audio, a decimal string, besides any tokens; 0 when left out.</param>
/// <param name="CachedInputPricePerMtok">What callers pay for a million input tokens that the upstream had cached; as for all others when left out.</param>
/// <param name="DefaultParams">Request fields for callers who send none; a bound on the output is lowered to the model's own.</param>
/// <param name="SystemPromptTemplate">Put before every conversation.</param>
/// <param name="Status">active (the default) or deprecated.</param>
/// <param name="Metadata">Anything.</param>
/// <param name="DefaultAccess">For tenants without a rule of their own: allow (the default) or block.</param>
/// <param name="DeprecatedAt">Since when, or from when on, callers are told to use another one.</param>
/// <param name="SunsetAt">When callers are told it will end.</param>
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

/// <summary>What is left out stays as it is; <c>null</c> clears a limit, a date or the template.</summary>
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

/// <summary>A model and the backends that it is mapped to.</summary>
internal sealed record ModelRow(Model Model, IReadOnlyList<string> BackendIds)
{
    public ModelView View(Caller caller, BackendPool pool)
    {
        var (health, active) = ModelHealth.Of(BackendIds, pool);
        return View(caller, health, active);
    }

    private ModelView View(Caller caller, string health, int activeBackends) => new(
        Model.Id,
        Model.Slug,
        Model.DisplayName,
        Model.Description,
        Model.Modality,
        JsonSerializer.Deserialize<string[]>(Model.Capabilities) ?? [],
        Model.ContextWindow > 0 ? Model.ContextWindow : null,
        Model.MaxOutputTokens,
        Money.Format(Model.InputPricePerMtok),
        Money.Format(Model.OutputPricePerMtok),
        Money.Format(Model.ImagePrice),
        Money.Format(Model.AudioPricePerMinute),
        Model.CachedInputPricePerMtok is { } cached ? Money.Format(cached) : null,
        Model.PriceVersion,
        JsonNode.Parse(Model.DefaultParams) as JsonObject ?? [],
        caller.Has(Permissions.ManageModels) ? Model.SystemPromptTemplate : null,
        Model.Status,
        JsonNode.Parse(Model.Metadata) as JsonObject ?? [],
        Model.DefaultAccess,
        Model.DeprecatedAt,
        Model.SunsetAt,
        health,
        activeBackends,
        BackendIds.Count,
        Model.CreatedAt,
        Model.UpdatedAt);
}

/// <param name="Id">mdl_…</param>
/// <param name="Slug">The name that callers use.</param>
/// <param name="DisplayName">For people.</param>
/// <param name="Description">For people.</param>
/// <param name="Modality">chat, embedding, image or audio.</param>
/// <param name="Capabilities">For example chat, tools.</param>
/// <param name="ContextWindow">Tokens.</param>
/// <param name="MaxOutputTokens">Tokens.</param>
/// <param name="InputPricePerMtok">A decimal string.</param>
/// <param name="OutputPricePerMtok">A decimal string.</param>
/// <param name="ImagePrice">For a picture, a decimal string.</param>
/// <param name="AudioPricePerMinute">For a minute of transcribed audio, a decimal string.</param>
/// <param name="CachedInputPricePerMtok">A decimal string; null where cached tokens cost what others do.</param>
/// <param name="PriceVersion">Counts the changes of the prices, from 1; usage names the version that it was charged by.</param>
/// <param name="DefaultParams">Request fields for callers who send none.</param>
/// <param name="SystemPromptTemplate">Only for those who manage models.</param>
/// <param name="Status">active or deprecated.</param>
/// <param name="Metadata">Anything.</param>
/// <param name="DefaultAccess">allow or block, for tenants without a rule of their own.</param>
/// <param name="DeprecatedAt">Since when, or from when on, another one should be used.</param>
/// <param name="SunsetAt">When it will end.</param>
/// <param name="HealthStatus">healthy; degraded: not all of its backends are; unhealthy: none of them answers calls; unavailable: it has none that could be called.</param>
/// <param name="ActiveBackendCount">Backends that answer calls, as the answering replica sees it.</param>
/// <param name="TotalBackendCount">Backends in the model's routing.</param>
/// <param name="CreatedAt">When it was made.</param>
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
