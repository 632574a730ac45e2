using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Redis;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Accounting;

/// <summary>Reads the records that wait in Redis, for sums that include unflushed usage.</summary>
internal sealed partial class WaitingUsage(UsageBuffer buffer, ILogger<WaitingUsage> logger)
{
    /// <summary>The most records that one summary reads; more wait only if no worker has run for long.</summary>
    private const int Most = 50_000;

    private const int LookupBatch = 1000;

    /// <param name="tenantId">The tenant; null for all tenants.</param>
    /// <param name="isWanted">Selects records.</param>
    /// <param name="cancellationToken">Cancels reading.</param>
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
        catch (Exception exception) when (RedisAway.Is(exception is AggregateException { InnerException: { } inner } ? inner : exception, cancellationToken))
        {
            // The client wraps exceptions inside a scan. The stored usage alone is better than no answer.
            WaitingUnknown(exception.Message);
        }

        return waiting;
    }

    /// <summary>Those of the waiting records that are not in the database.</summary>
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "A usage summary does not include the records that wait in Redis. {Reason}")]
    private partial void WaitingUnknown(string reason);
}
