using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Modules;
using ScaiGrid.Inference.Health;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Platform.Data;
using StackExchange.Redis;

namespace ScaiGrid.Platform.Models;

/// <summary>
/// Asks the upstreams behind open circuits whether they are there again, so that no call has to find out. Where there had been no
/// connection, an answer closes the circuit; where calls had failed otherwise, the list of models proves less, and the next call is the trial.
/// </summary>
internal sealed partial class BackendProbes(
    IDbContextFactory<PlatformDb> databases, CircuitStore circuits, BackendProber prober, TimeProvider time, ILogger<BackendProbes> logger) : IScheduledTask
{
    /// <summary>After which a run is cancelled.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromMinutes(1);

    private const int AtOnce = 8;
    private const string Origin = "probe";

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        await using var db = await databases.CreateDbContextAsync(cancellationToken);
        var ids = await db.Backends.Where(backend => backend.Status == BackendStatus.Active).Select(backend => backend.Id).ToListAsync(cancellationToken);
        var now = time.GetTimestamp();
        IReadOnlyDictionary<string, Circuit> open;
        try
        {
            open = await circuits.ReadAsync(ids);
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            // Without Redis nobody knows which circuits are open; each replica finds out by trials.
            return;
        }

        // Who asked for patience gets it, and a circuit that waits for its trial needs no second invitation.
        var asked = open.Where(pair => pair.Value.Reason != UpstreamFailure.RateLimited && (IsGone(pair.Value) || !pair.Value.MayPass(now))).ToDictionary();
        if (asked.Count == 0)
        {
            return;
        }

        var askedIds = asked.Keys.ToList();
        var rows = await db.Backends.AsNoTracking().Where(backend => askedIds.Contains(backend.Id)).ToListAsync(cancellationToken);
        var providers = await db.Providers.AsNoTracking().ToDictionaryAsync(provider => provider.Id, cancellationToken);
        var alive = new ConcurrentBag<string>();
        await Parallel.ForEachAsync(rows, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken }, async (row, token) =>
        {
            if (providers.TryGetValue(row.ProviderId, out var provider) && await IsAliveAsync(provider, row, token))
            {
                alive.Add(row.Id);
            }
        });

        foreach (var id in alive)
        {
            var isClosed = IsGone(asked[id]);
            await circuits.AnnounceAsync(id, isClosed ? Circuit.Closed : asked[id] with { RetryAt = time.GetTimestamp(), IsTrial = false }, Origin);
            UpstreamReturned(id, isClosed ? "closed" : "half-open");
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
            // The replicas leave this backend out, and say so.
            return false;
        }
    }

    private static bool IsGone(Circuit circuit) =>
        circuit.Reason is UpstreamFailure.ConnectionFailed or UpstreamFailure.TimedOut or UpstreamFailure.Cut;

    [LoggerMessage(Level = LogLevel.Information, Message = "The upstream of backend {BackendId} answers again: its circuit is {State}.")]
    private partial void UpstreamReturned(string backendId, string state);
}
