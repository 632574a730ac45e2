using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core.Modules;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Idempotency;

/// <summary>Deletes expired keys, in batches, so that other writes can run in between.</summary>
internal sealed class IdempotencyPurge(PlatformDb db, TimeProvider time) : IScheduledTask
{
    public static readonly TimeSpan Interval = TimeSpan.FromMinutes(10);
    public static readonly TimeSpan Timeout = TimeSpan.FromMinutes(5);

    private const int Batch = 1000;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        string[] ids;
        do
        {
            ids = await db.IdempotencyKeys.Where(key => key.ExpiresAt <= now).OrderBy(key => key.ExpiresAt).Select(key => key.Id).Take(Batch).ToArrayAsync(cancellationToken);
            await db.IdempotencyKeys.Where(key => ids.Contains(key.Id) && key.ExpiresAt <= now).ExecuteDeleteAsync(cancellationToken);
        }
        while (ids.Length == Batch);
    }
}
