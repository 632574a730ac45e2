using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Modules;
using ScaiGrid.Core.Redis;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Accounting;

/// <summary>
/// Moves usage from Redis to the database, each record exactly once: a record is removed from Redis only after the commit, and one that is
/// already in the database (the previous flush died in between) is only removed.
/// </summary>
internal sealed partial class UsageFlush(
    UsageBuffer buffer, UsageStore store, UsageMetrics metrics, AccountingOptions options, TimeProvider time, ILogger<UsageFlush> logger) : IScheduledTask
{
    private const int BatchSize = 5000;

    /// <summary>The time after which a run is cancelled, in case a batch hangs.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromMinutes(5);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var startedAt = time.GetTimestamp();
        var tenants = (await buffer.TenantsAsync()).ToArray();

        // A run that is cancelled must not always leave the same ones out.
        RandomNumberGenerator.Shuffle(tenants.AsSpan());
        var failed = new List<string>();

        // One batch per tenant in turn, so that a tenant with many records does not delay the others.
        while (tenants.Length > 0 && time.GetElapsedTime(startedAt) < options.UsageFlushInterval)
        {
            var unfinished = new List<string>();
            foreach (var tenantId in tenants)
            {
                switch (await TryFlushBatchAsync(tenantId, cancellationToken))
                {
                    case true:
                        unfinished.Add(tenantId);
                        break;
                    case null:
                        failed.Add(tenantId);
                        break;
                }
            }

            tenants = [.. unfinished];
        }

        metrics.Finished(time.GetElapsedTime(startedAt), await buffer.CountAsync());
        if (failed.Count > 0)
        {
            throw new InvalidOperationException($"Usage of {failed.Count} tenants could not be stored, the first of them {failed[0]}; it waits in Redis.");
        }
    }

    /// <returns>Whether the tenant may have more records; null if its batch failed, which does not affect other tenants.</returns>
    private async Task<bool?> TryFlushBatchAsync(string tenantId, CancellationToken cancellationToken)
    {
        try
        {
            return await FlushBatchAsync(tenantId, cancellationToken);
        }
        catch (Exception exception) when (exception is not OperationCanceledException && !DatabaseAway.Is(exception) && !RedisAway.Is(exception, cancellationToken))
        {
            BatchFailed(exception, tenantId);
            return null;
        }
    }

    /// <returns>Whether the tenant may have more records.</returns>
    private async Task<bool> FlushBatchAsync(string tenantId, CancellationToken cancellationToken)
    {
        var pending = await buffer.PendingAsync(tenantId, BatchSize, cancellationToken);
        var storable = pending.Records.ToLookup(UsageStore.IsStorable);
        string[] unusable = [.. pending.Unreadable, .. storable[false].Select(record => record.Id)];
        if (unusable.Length > 0)
        {
            await buffer.SetAsideAsync(tenantId, unusable);
            UsageSetAside(unusable.Length, tenantId, unusable[0]);
        }

        var records = storable[true].ToList();
        if (records.Count > 0)
        {
            var added = await store.StoreAsync(records, cancellationToken);
            await buffer.RemoveAsync(tenantId, records.Select(record => record.Id));
            metrics.Flushed(added);
            UsageFlushed(added, records.Count - added, tenantId);
        }

        return pending.Records.Count + pending.Unreadable.Count >= BatchSize;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "A batch of usage of {TenantId} cannot be stored; it waits in Redis.")]
    private partial void BatchFailed(Exception exception, string tenantId);

    [LoggerMessage(Level = LogLevel.Information, Message = "Stored {Added} usage records of {TenantId}; {Known} were already stored.")]
    private partial void UsageFlushed(int added, int known, string tenantId);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Count} usage records of {TenantId} cannot be stored (the first: {FirstId}). They are set aside in Redis for 30 days.")]
    private partial void UsageSetAside(int count, string tenantId, string firstId);
}
