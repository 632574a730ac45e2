using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Redis;
using ScaiGrid.Platform.Data;
using StackExchange.Redis;

namespace ScaiGrid.Platform.Auth;

/// <summary>
/// The sessions that have ended while their access tokens may still be unexpired. Each replica keeps them in memory: ends are announced on
/// Redis, and the database is polled every second for announcements that were missed.
/// </summary>
internal sealed partial class EndedSessions(
    IDbContextFactory<PlatformDb> databases,
    IConnectionMultiplexer redis,
    SessionCredentials credentials,
    SignInOptions options,
    TimeProvider time,
    ILogger<EndedSessions> logger)
    : BackgroundService
{
    private static readonly RedisChannel Channel = RedisChannel.Literal("scaigrid:session_ended");
    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PollTimeout = TimeSpan.FromSeconds(5);

    private const int LooksOfAnOutage = 3;

    /// <summary>
    /// How far back a poll looks, for ends that were committed later than their time: by a slow transaction, or because of clock differences.
    /// </summary>
    private static readonly TimeSpan Overlap = TimeSpan.FromMinutes(2);

    private readonly ConcurrentDictionary<string, DateTimeOffset> _ended = new(StringComparer.Ordinal);
    private DateTimeOffset? _seenUntil;
    private int _failedLooks;
    private bool _isSubscribed;
    private volatile bool _isKnown;

    /// <summary>False if the database has been unavailable since the process started: any session may have ended earlier.</summary>
    public bool IsKnown => _isKnown;

    public bool Contains(string sessionId) => _ended.ContainsKey(sessionId);

    /// <summary>Call after the end was committed.</summary>
    public async Task AnnounceAsync(IReadOnlyCollection<string> sessionIds)
    {
        var now = time.GetUtcNow();
        foreach (var id in sessionIds)
        {
            Add(id, now);
            try
            {
                await redis.GetSubscriber().PublishAsync(Channel, id);
            }
            catch (Exception exception) when (RedisAway.Is(exception))
            {
                SessionEndNotAnnounced(exception.Message);
                return;
            }
        }
    }

    /// <summary>Runs before the host listens: tokens of sessions that ended earlier are refused from the first call on.</summary>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await LookAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                await TrySubscribeAsync();
                await Task.Delay(PollInterval, time, stoppingToken);
                await LookAsync(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The host is stopping.
        }
    }

    private void Add(string sessionId, DateTimeOffset endedAt)
    {
        if (_ended.TryAdd(sessionId, endedAt))
        {
            credentials.End(sessionId);
        }
    }

    private async Task LookAsync(CancellationToken stoppingToken)
    {
        var now = time.GetUtcNow();
        var alive = now - options.AccessTokenLifetime - Overlap;
        var since = _seenUntil is { } seen && seen - Overlap > alive ? seen - Overlap : alive;
        try
        {
            using var bound = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            bound.CancelAfter(PollTimeout);
            await using var db = await databases.CreateDbContextAsync(bound.Token);
            var ended = await db.Sessions.AsNoTracking().Where(session => session.EndedAt > since)
                .Select(session => new { session.Id, session.EndedAt }).ToListAsync(bound.Token);
            foreach (var session in ended)
            {
                Add(session.Id, session.EndedAt!.Value);
            }

            credentials.Forget();

            foreach (var old in _ended.Where(entry => entry.Value < alive).ToList())
            {
                _ended.TryRemove(old);
            }

            (_seenUntil, _failedLooks, _isKnown) = (now, 0, true);
        }
        catch (Exception) when (stoppingToken.IsCancellationRequested)
        {
            // The host is stopping. A cancelled query may throw any exception.
        }
        catch (Exception exception)
        {
            // Logged once per outage, not once a second; a single slow answer does not count.
            if (++_failedLooks == LooksOfAnOutage)
            {
                EndedSessionsNotRead(exception);
            }
        }
    }

    /// <summary>After an outage of Redis the client restores a subscription by itself, but the first subscription needs Redis.</summary>
    private async Task TrySubscribeAsync()
    {
        if (_isSubscribed || !redis.IsConnected)
        {
            return;
        }

        try
        {
            await redis.GetSubscriber().SubscribeAsync(Channel, (_, id) => Add(id.ToString(), time.GetUtcNow()));
            _isSubscribed = true;
        }
        catch (Exception exception) when (RedisAway.Is(exception))
        {
            // Polling works without it; the next round tries again.
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The end of a session could not be announced on Redis; the other replicas find it within a second. {Reason}")]
    private partial void SessionEndNotAnnounced(string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Ended sessions cannot be read from the database; only ends announced on Redis are known, and after a start no session is accepted. Retrying every second.")]
    private partial void EndedSessionsNotRead(Exception exception);
}
