using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Redis;
using ScaiGrid.Platform.Data;
using StackExchange.Redis;

namespace ScaiGrid.Platform.Snapshot;

/// <summary>
/// Announces a change to the other replicas, and waits until this replica serves it: a client's next call sees its own change.
/// </summary>
/// <remarks>The refresher uses the database, whose interceptor uses this class: it is resolved lazily to break the cycle.</remarks>
internal sealed partial class RedisSnapshotSignal(IServiceProvider services, IConnectionMultiplexer redis, ILogger<RedisSnapshotSignal> logger) : ISnapshotSignal
{
    public static readonly RedisChannel Channel = RedisChannel.Literal("scaigrid:snapshot");

    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(5);

    public async ValueTask ChangedAsync(CancellationToken cancellationToken)
    {
        // Not the caller's token: the change is stored, and must be announced even if the caller has disconnected.
        using var bound = new CancellationTokenSource(Bound);
        await PublishAsync();
        await services.GetRequiredService<SnapshotRefresher>().RefreshAsync(bound.Token);
    }

    private async Task PublishAsync()
    {
        try
        {
            await redis.GetSubscriber().PublishAsync(Channel, "changed");
        }
        catch (Exception exception) when (RedisAway.Is(exception))
        {
            SnapshotAnnouncementLost(exception.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A change could not be announced on Redis; the other replicas find it within a second. {Reason}")]
    private partial void SnapshotAnnouncementLost(string reason);
}
