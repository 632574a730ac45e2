using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core;
using ScaiGrid.Core.Modules;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Webhooks;

/// <summary>Deletes deliveries after 30 days, in batches and for a limited time; the next run continues.</summary>
internal sealed partial class WebhookRetention(IDbContextFactory<PlatformDb> databases, TimeProvider time, ILogger<WebhookRetention> logger) : IScheduledTask
{
    public static readonly TimeSpan Kept = TimeSpan.FromDays(30);
    public static readonly TimeSpan Every = TimeSpan.FromMinutes(10);
    public static readonly TimeSpan Timeout = TimeSpan.FromMinutes(5);

    private const int Together = 2000;
    private static readonly TimeSpan Budget = TimeSpan.FromMinutes(2);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        // Ids begin with the time of their creation.
        var oldest = $"{Ids.WebhookDelivery}_{Ulid.NewUlid(time.GetUtcNow() - Kept, new byte[10])}";
        var startedAt = time.GetTimestamp();
        var (removed, last) = (0, Together);
        while (last == Together && time.GetElapsedTime(startedAt) < Budget)
        {
            await using var db = await databases.CreateDbContextAsync(cancellationToken);
            var ids = await db.WebhookDeliveries.AsNoTracking()
                .Where(delivery => string.Compare(delivery.Id, oldest) < 0)
                .OrderBy(delivery => delivery.Id)
                .Take(Together)
                .Select(delivery => delivery.Id)
                .ToListAsync(cancellationToken);
            last = ids.Count == 0 ? 0 : await db.WebhookDeliveries.Where(delivery => ids.Contains(delivery.Id)).ExecuteDeleteAsync(cancellationToken);
            removed += last;
        }

        if (removed > 0)
        {
            DeliveriesRemoved(removed);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Removed {Count} webhook deliveries older than 30 days.")]
    private partial void DeliveriesRemoved(int count);
}
