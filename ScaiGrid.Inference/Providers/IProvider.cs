using System.Text.Json.Nodes;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Routing;

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
}

/// <summary>The configuration of a backend's clients.</summary>
/// <param name="BackendId">The backend's id, for metrics and logs.</param>
/// <param name="Model">The model's name at the upstream.</param>
/// <param name="Config">The provider's configuration, overridden by the backend's own, with <c>api_key</c> decrypted.</param>
public sealed record BackendConnection(string BackendId, string Model, JsonObject Config);

/// <summary>The chat client of one backend. Shared by all calls, without state.</summary>
public interface IChatUpstream
{
    /// <summary>
    /// Sends one request and returns when the upstream has answered: with a whole completion, with the start of a stream, or with a failure.
    /// </summary>
    /// <param name="request">The caller's request.</param>
    /// <param name="route">The requested frontend model.</param>
    /// <param name="deadline">Cancelled when the caller disconnects, and by the call's timeouts.</param>
    Task<ChatReply> SendAsync(ChatRequest request, ModelRoute route, CallDeadline deadline);
}
