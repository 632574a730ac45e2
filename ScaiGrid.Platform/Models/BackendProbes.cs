using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Modules;
using ScaiGrid.Core.Redis;
using ScaiGrid.Inference.Health;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Models;

/// <summary>
/// Probes the upstreams behind open circuits, so that no call has to. If there was no connection, an answer closes the circuit; if calls had
/// failed otherwise, the list of models proves less, and the next call is the trial. <see cref="Circuit.WhenListed"/> has the rules.
/// </summary>
internal sealed partial class BackendProbes(
    IDbContextFactory<PlatformDb> databases, CircuitStore circuits, BackendProber prober, TimeProvider time, ILogger<BackendProbes> logger) : IScheduledTask
{
    /// <summary>The time after which a run is cancelled.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromMinutes(1);

    private const int AtOnce = 8;
    private const string Origin = "probe";

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var ids = await db.Backends.Where(backend => backend.Status == BackendStatus.Active).Select(backend => backend.Id).ToListAsync(cancellationToken);
        IReadOnlyDictionary<string, Circuit> open;
        try
        {
            open = await circuits.ReadAsync(ids);
        }
        catch (Exception exception) when (RedisAway.Is(exception, cancellationToken))
        {
            // Without Redis it is not known which circuits are open; each replica finds out by trials.
            return;
        }

        var asked = open.Where(pair => pair.Value.WhenListed(time) is not null).ToDictionary();
        if (asked.Count == 0)
        {
            return;
        }

        var askedIds = asked.Keys.ToList();
        var rows = await db.Backends.AsNoTracking().Where(backend => askedIds.Contains(backend.Id)).ToListAsync(cancellationToken);
        var providers = await db.Providers.AsNoTracking().ToDictionaryAsync(provider => provider.Id, cancellationToken);
        await Parallel.ForEachAsync(rows, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken }, async (row, token) =>
        {
            if (providers.TryGetValue(row.ProviderId, out var provider) && await IsAliveAsync(provider, row, token))
            {
                await TryTellAsync(row.Id, asked[row.Id]);
            }
        });
    }

    private async Task TryTellAsync(string backendId, Circuit before)
    {
        try
        {
            await TellAsync(backendId, before);
        }
        catch (Exception exception) when (RedisAway.Is(exception))
        {
            // The next round asks this upstream again; the others are still to be asked in this one.
        }
    }

    /// <summary>Publishes that an upstream answered.</summary>
    /// <param name="backendId">The upstream's backend.</param>
    /// <param name="before">The circuit when the probe began. A change since then by a trial takes precedence.</param>
    private async Task TellAsync(string backendId, Circuit before)
    {
        if ((await circuits.ReadAsync([backendId])).GetValueOrDefault(backendId) is { } circuit
            && (circuit.Openings, circuit.Reason) == (before.Openings, before.Reason)
            && circuit.WhenListed(time) is { } after)
        {
            await circuits.AnnounceAsync(backendId, after, Origin);
            UpstreamReturned(backendId, after.IsClosed ? "closed" : "half-open");
        }
    }

    private async Task<bool> IsAliveAsync(Provider provider, Backend row, CancellationToken cancellationToken)
    {
        try
        {
            return (await prober.ProbeAsync(provider, row, cancellationToken)).IsAlive;
        }
        catch (CryptographicException)
        {
            // The replicas leave this backend out, and log it.
            return false;
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            // The other upstreams are still to be asked.
            ProbeFailed(row.Id, exception);
            return false;
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Backend {BackendId} could not be probed.")]
    private partial void ProbeFailed(string backendId, Exception exception);

    [LoggerMessage(Level = LogLevel.Information, Message = "The upstream of backend {BackendId} answers again: its circuit is {State}.")]
    private partial void UpstreamReturned(string backendId, string state);
}
