using System.Text.Json.Nodes;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Inference.Providers;

/// <summary>A provider speaks one upstream's wire format. Each has a folder; <see cref="ProviderCatalog"/> lists them.</summary>
public interface IProvider
{
    /// <summary>The <c>type</c> of a provider in the API, for example <c>openai</c>.</summary>
    string Type { get; }

    /// <summary>Validates a provider's or backend's <c>config</c>, and adds the mistakes, each with the field's name.</summary>
    void Validate(JsonObject config, ICollection<ErrorDetail> mistakes);

    /// <summary>Creates the clients of one backend from a validated configuration.</summary>
    BackendClients Connect(BackendConnection connection);

    /// <summary>Lists the upstream's models: used for discovery, and to probe whether the upstream is reachable.</summary>
    /// <param name="config">A valid configuration of the provider, with <c>api_key</c> decrypted.</param>
    /// <param name="cancellationToken">Limits the time of the call; a cancelled call counts as no answer.</param>
    Task<ModelListing> ListModelsAsync(JsonObject config, CancellationToken cancellationToken);
}
