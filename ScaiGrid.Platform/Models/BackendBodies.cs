using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace ScaiGrid.Platform.Models;

/// <param name="ProviderId">Whose deployment it is.</param>
/// <param name="Model">The model's name at the upstream.</param>
/// <param name="Name">For people; the model's name when left out.</param>
/// <param name="ConnectionConfig">Settings that differ from the provider's.</param>
/// <param name="Capabilities">For example chat, tools.</param>
/// <param name="InputPricePerMtok">What the upstream charges for a million input tokens, a decimal string.</param>
/// <param name="OutputPricePerMtok">What the upstream charges for a million output tokens, a decimal string.</param>
/// <param name="ImagePrice">What the upstream charges for a picture, a decimal string.</param>
/// <param name="AudioPricePerMinute">What the upstream charges for a minute of transcribed audio, a decimal string.</param>
/// <param name="Status">active or disabled.</param>
public sealed record CreateBackend(
    string? ProviderId,
    string? Model,
    string? Name = null,
    JsonObject? ConnectionConfig = null,
    string?[]? Capabilities = null,
    string? InputPricePerMtok = null,
    string? OutputPricePerMtok = null,
    string? ImagePrice = null,
    string? AudioPricePerMinute = null,
    string? Status = null);

/// <summary>What is left out stays as it is; secrets of <c>connection_config</c> stay when they are left out or masked, unless it leads to another host.</summary>
public sealed record UpdateBackend(
    string? Name = null,
    string? ProviderId = null,
    string? Model = null,
    JsonObject? ConnectionConfig = null,
    string?[]? Capabilities = null,
    string? InputPricePerMtok = null,
    string? OutputPricePerMtok = null,
    string? ImagePrice = null,
    string? AudioPricePerMinute = null,
    string? Status = null);

/// <param name="Id">be_…</param>
/// <param name="Name">For people.</param>
/// <param name="ProviderId">Whose deployment it is.</param>
/// <param name="Model">The model's name at the upstream.</param>
/// <param name="Uri">Provider type and model.</param>
/// <param name="ConnectionConfig">Only for those who manage models; secrets are masked.</param>
/// <param name="Capabilities">For example chat, tools.</param>
/// <param name="InputPricePerMtok">What the upstream charges, a decimal string.</param>
/// <param name="OutputPricePerMtok">What the upstream charges, a decimal string.</param>
/// <param name="ImagePrice">What the upstream charges, a decimal string.</param>
/// <param name="AudioPricePerMinute">What the upstream charges, a decimal string.</param>
/// <param name="Status">active or disabled.</param>
/// <param name="HealthStatus">healthy, degraded, unhealthy or unavailable, as the answering replica sees it; <c>/health</c> says why.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="UpdatedAt">When it was last changed.</param>
internal sealed record BackendView(
    string Id,
    string Name,
    string ProviderId,
    string Model,
    string Uri,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] JsonObject? ConnectionConfig,
    IReadOnlyList<string> Capabilities,
    string InputPricePerMtok,
    string OutputPricePerMtok,
    string ImagePrice,
    string AudioPricePerMinute,
    string Status,
    string HealthStatus,
    DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt);
