using Microsoft.Extensions.Logging;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Platform.Data;
using StackExchange.Redis;

namespace ScaiGrid.Platform.Accounting;

/// <summary>The records that wait in Redis, for sums that include what is not flushed yet.</summary>
internal sealed partial class WaitingUsage(UsageBuffer buffer, ILogger<WaitingUsage> logger)
{
    /// <summary>What one summary reads; more wait only where no worker has run for long.</summary>
    private const int Most = 50_000;

    private const int LookupBatch = 1000;

    /// <param name="tenantId">Whose; null for everybody's.</param>
    /// <param name="isWanted">Which of them.</param>
    /// <param name="cancellationToken">To end early.</param>
    public async Task<List<(UsageRecord Record, UsageRow Row)>> ReadAsync(string? tenantId, Func<UsageRow, bool> isWanted, CancellationToken cancellationToken)
    {
        var waiting = new List<(UsageRecord, UsageRow)>();
        try
        {
            var tenants = tenantId is not null ? [tenantId] : await buffer.TenantsAsync();
            foreach (var tenant in tenants)
            {
                var batch = await buffer.PendingAsync(tenant, Most - waiting.Count, cancellationToken);
                waiting.AddRange(batch.Records.Where(UsageStore.IsStorable).Select(record => (record, UsageStore.ToRow(record))).Where(call => isWanted(call.Item2)));
                if (waiting.Count >= Most)
                {
                    break;
                }
            }
        }
        catch (Exception exception) when (exception is RedisException or TimeoutException or AggregateException { InnerException: RedisException or TimeoutException })
        {
            // The client wraps what happens inside a scan. What is stored is worth more than no answer.
            WaitingUnknown(exception.Message);
        }

        return waiting;
    }

    /// <summary>Those of the waiting that the database does not have by now.</summary>
    public static async Task<List<UsageRow>> MissingAsync(PlatformDb db, List<UsageRow> waiting, CancellationToken cancellationToken)
    {
        var missing = new List<UsageRow>(waiting.Count);
        foreach (var batch in waiting.Chunk(LookupBatch))
        {
            var stored = await UsageStore.StoredIdsAsync(db, batch, cancellationToken);
            missing.AddRange(batch.Where(row => !stored.Contains(row.Id)));
        }

        return missing;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A usage summary lacks what waits in Redis. {Reason}")]
    private partial void WaitingUnknown(string reason);
}
