using System.Text.Json.Nodes;

namespace ScaiGrid.Inference.Providers;

/// <summary>A provider whose upstream can list its models: used for discovery, and to probe whether the upstream is reachable.</summary>
public interface IModelDirectory
{
    /// <param name="config">A valid configuration of the provider, with <c>api_key</c> decrypted.</param>
    /// <param name="cancellationToken">Limits the time of the call; a cancelled call counts as no answer.</param>
    Task<ModelListing> ListModelsAsync(JsonObject config, CancellationToken cancellationToken);
}
