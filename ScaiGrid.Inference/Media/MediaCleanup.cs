using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Modules;

namespace ScaiGrid.Inference.Media;

/// <summary>Deletes media whose links have expired.</summary>
public sealed partial class MediaCleanup(MediaStore store, ILogger<MediaCleanup> logger) : IScheduledTask
{
    public static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);
    public static readonly TimeSpan Timeout = TimeSpan.FromMinutes(5);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var count = await store.DeleteExpiredAsync(cancellationToken);
        if (count > 0)
        {
            MediaDeleted(count);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Deleted {Count} media objects whose links had expired.")]
    private partial void MediaDeleted(int count);
}
