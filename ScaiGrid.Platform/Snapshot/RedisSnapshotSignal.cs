using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using ScaiGrid.Platform.Data;
using StackExchange.Redis;

namespace ScaiGrid.Platform.Snapshot;

/// <summary>
/// Announces a change to the other replicas, and waits until this one serves it: whoever changed something and calls again finds it changed.
/// </summary>
/// <remarks>The refresher reads the database, whose interceptor holds this signal: it is looked up when it is needed, to break the circle.</remarks>
internal sealed partial class RedisSnapshotSignal(IServiceProvider services, IConnectionMultiplexer redis, ILogger<RedisSnapshotSignal> logger) : ISnapshotSignal
{
    public static readonly RedisChannel Channel = RedisChannel.Literal("scaigrid:snapshot");

    private static readonly TimeSpan Bound = TimeSpan.FromSeconds(5);

    public async ValueTask ChangedAsync(CancellationToken cancellationToken)
    {
        // Not the caller's token: the change is stored, and a caller who leaves must not keep it from being announced.
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
        catch (Exception exception) when (exception is RedisException or TimeoutException)
        {
            SnapshotAnnouncementLost(exception.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A change could not be announced on Redis; the other replicas find it within a second. {Reason}")]
    private partial void SnapshotAnnouncementLost(string reason);
}
