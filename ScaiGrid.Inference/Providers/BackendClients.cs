namespace ScaiGrid.Inference.Providers;

/// <summary>The clients of one backend, one for each operation that its provider's wire format has; null where it has none.</summary>
public sealed record BackendClients
{
    public IChatUpstream? Chat { get; init; }

    public IDocumentUpstream? Embeddings { get; init; }

    public IDocumentUpstream? Images { get; init; }

    public IDocumentUpstream? Moderations { get; init; }

    public ISpeechUpstream? Speech { get; init; }

    public ITranscriptionUpstream? Transcriptions { get; init; }
}
