namespace ScaiGrid.Inference.Providers;

/// <summary>The clients of one backend, one for each operation that its provider supports; null for the others.</summary>
public sealed record BackendClients
{
    /// <summary>The upstream's own address. Links in its answers may lead there, even if it is private.</summary>
    internal UpstreamHome? Home { get; init; }

    public IChatUpstream? Chat { get; init; }

    public IDocumentUpstream? Embeddings { get; init; }

    public IDocumentUpstream? Images { get; init; }

    public IDocumentUpstream? Moderations { get; init; }

    public ISpeechUpstream? Speech { get; init; }

    public ITranscriptionUpstream? Transcriptions { get; init; }
}
