using System.Collections.Concurrent;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using ScaiGrid.Platform.Data;
using StackExchange.Redis;

namespace ScaiGrid.Platform.Auth;

/// <summary>
/// The sessions that have ended while access tokens of theirs may still be about. Each replica has them in memory: it hears of an end on
/// Redis, and looks into the database each second for what it did not hear.
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

    /// <summary>Looks this far back, for ends that were stored after they were dated: by a slow transaction, or another machine's clock.</summary>
    private static readonly TimeSpan Overlap = TimeSpan.FromMinutes(2);

    private readonly ConcurrentDictionary<string, DateTimeOffset> _ended = new(StringComparer.Ordinal);
    private DateTimeOffset? _seenUntil;
    private int _failedLooks;
    private bool _isSubscribed;

    public bool Contains(string sessionId) => _ended.ContainsKey(sessionId);

    /// <summary>Called once the end is stored.</summary>
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
            catch (Exception exception) when (exception is RedisException or TimeoutException)
            {
                SessionEndNotAnnounced(exception.Message);
                return;
            }
        }
    }

    /// <summary>Before the host listens: a token of a session that ended before this replica started is refused from the first call on.</summary>
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
            // The host stops.
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

            (_seenUntil, _failedLooks) = (now, 0);
        }
        catch (Exception) when (stoppingToken.IsCancellationRequested)
        {
            // The host stops. What is cancelled may throw anything.
        }
        catch (Exception exception)
        {
            // Once for the whole outage, not once a second; a single slow answer is none.
            if (++_failedLooks == LooksOfAnOutage)
            {
                EndedSessionsNotRead(exception);
            }
        }
    }

    /// <summary>The client renews a subscription by itself after Redis was away, but the first one needs Redis.</summary>
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
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            // Looking every second does without; the next round tries again.
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The end of a session could not be announced on Redis; the other replicas find it within a second. {Reason}")]
    private partial void SessionEndNotAnnounced(string reason);

    [LoggerMessage(Level = LogLevel.Error, Message = "Ended sessions cannot be read from the database; those that are announced are known. Trying on every second.")]
    private partial void EndedSessionsNotRead(Exception exception);
}
