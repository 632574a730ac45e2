using System.Text.Json.Nodes;
using ScaiGrid.Core.Errors;

namespace ScaiGrid.Inference.Providers.Echo;

/// <summary>
/// A demo provider without an upstream. It answers with the last user message, streams word by word, calls a tool if the request forces one,
/// and counts real tokens. Embeddings hash words, images are coloured tiles, and speech is tones. It has no configuration.
/// </summary>
internal sealed class EchoProvider(TimeProvider time) : IProvider
{
    public string Type => "echo";

    public void Validate(JsonObject config, ICollection<ErrorDetail> mistakes)
    {
        foreach (var (name, _) in config)
        {
            mistakes.Add(new ErrorDetail(name, "is not a setting of this provider type: it has none."));
        }
    }

    public Task<ModelListing> ListModelsAsync(JsonObject config, CancellationToken cancellationToken) =>
        Task.FromResult(new ModelListing([new UpstreamModel("echo", "chat", ["chat", "tools"], "Echo")]));

    public BackendClients Connect(BackendConnection connection) => new()
    {
        Chat = new EchoChat(connection.Model, time),
        Embeddings = new EchoEmbeddings(),
        Images = new EchoImages(),
        Speech = new EchoSpeech(),
    };
}
