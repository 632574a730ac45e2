using System.Text.Json.Nodes;

namespace ScaiGrid.Inference.Providers;

/// <summary>The configuration of a backend's clients.</summary>
/// <param name="BackendId">The backend's id, for metrics and logs.</param>
/// <param name="Model">The model's name at the upstream.</param>
/// <param name="Config">The provider's configuration, overridden by the backend's own, with <c>api_key</c> decrypted.</param>
public sealed record BackendConnection(string BackendId, string Model, JsonObject Config);
