using ScaiGrid.Inference.Providers;

namespace ScaiGrid.Platform.Models;

/// <summary>Asks an upstream for its list of models, which costs nothing. Any answer except a failure of the upstream shows that it is reachable.</summary>
internal sealed class BackendProber(ProviderCatalog catalog, ProviderSecrets secrets, TimeProvider time)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <exception cref="System.Security.Cryptography.CryptographicException">The stored credentials cannot be decrypted.</exception>
    public async Task<ProbeResult> ProbeAsync(Provider provider, Backend backend, CancellationToken cancellationToken)
    {
        if (!catalog.TryGet(provider.Type, out var type))
        {
            return new ProbeResult(false, $"There is no provider of type {provider.Type}.", 0);
        }

        using var bound = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bound.CancelAfter(Patience);
        var startedAt = time.GetTimestamp();
        var listing = await type.ListModelsAsync(secrets.Merged(provider, backend), bound.Token);
        cancellationToken.ThrowIfCancellationRequested();
        var isAlive = listing.Error?.Failure is not (UpstreamFailure.ConnectionFailed or UpstreamFailure.Cut or UpstreamFailure.TimedOut or UpstreamFailure.ServerError or UpstreamFailure.RateLimited);
        var detail = listing.Error is null ? "The upstream answered."
            : isAlive ? $"The upstream answered, though not with its models ({listing.Error.Failure.Label()})."
            : $"The upstream's list of models could not be read ({listing.Error.Failure.Label()}).";
        return new ProbeResult(isAlive, detail, Math.Round(time.GetElapsedTime(startedAt).TotalMilliseconds, 3));
    }
}
