using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace ScaiGrid.Platform.Models;

/// <param name="ProviderId">The provider of the deployment.</param>
/// <param name="Model">The model's name at the upstream.</param>
/// <param name="Name">The name shown to people; the model's name if omitted.</param>
/// <param name="ConnectionConfig">Settings that differ from the provider's.</param>
/// <param name="Capabilities">For example chat, tools.</param>
/// <param name="InputPricePerMtok">The upstream's price per million input tokens, a decimal string.</param>
/// <param name="OutputPricePerMtok">The upstream's price per million output tokens, a decimal string.</param>
/// <param name="ImagePrice">The upstream's price per image, a decimal string.</param>
/// <param name="AudioPricePerMinute">The upstream's price per minute of transcribed audio, a decimal string.</param>
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

/// <summary>
/// Omitted fields keep their values. Secrets in <c>connection_config</c> that are omitted or masked are kept, unless it leads to another host.
/// </summary>
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
/// <param name="Name">The name shown to people.</param>
/// <param name="ProviderId">The provider of the deployment.</param>
/// <param name="Model">The model's name at the upstream.</param>
/// <param name="Uri">Provider type and model.</param>
/// <param name="ConnectionConfig">Shown only to callers who manage models; secrets are masked.</param>
/// <param name="Capabilities">For example chat, tools.</param>
/// <param name="InputPricePerMtok">The upstream's price per million input tokens, a decimal string.</param>
/// <param name="OutputPricePerMtok">The upstream's price per million output tokens, a decimal string.</param>
/// <param name="ImagePrice">The upstream's price per image, a decimal string.</param>
/// <param name="AudioPricePerMinute">The upstream's price per minute of transcribed audio, a decimal string.</param>
/// <param name="Status">active or disabled.</param>
/// <param name="HealthStatus">healthy, degraded, unhealthy or unavailable, as seen by the replica that answers; <c>/health</c> has the reason.</param>
/// <param name="CreatedAt">When it was created.</param>
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
