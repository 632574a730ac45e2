using Microsoft.Extensions.Logging;
using ScaiGrid.Core.Redis;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Accounting;

/// <summary>Reads the records that wait in Redis, for sums that include unflushed usage.</summary>
internal sealed partial class WaitingUsage(UsageBuffer buffer, ILogger<WaitingUsage> logger)
{
    /// <summary>The most records that one sum reads, over all tenants of its scope; more wait only if no worker has run for long.</summary>
    private const int Most = 50_000;

    private const int LookupBatch = 1000;

    /// <summary>Reads the records of a scope: all of them, or a part, and says which.</summary>
    /// <param name="scope">Whose records.</param>
    /// <param name="isWanted">Selects records.</param>
    /// <param name="ifWhole">True for callers to whom a part is of no use: of a scope with too many records none is read.</param>
    /// <param name="cancellationToken">Cancels reading.</param>
    public async Task<WaitingCalls> ReadAsync(WaitingScope scope, Func<UsageRow, bool> isWanted, bool ifWhole, CancellationToken cancellationToken)
    {
        var calls = new List<(UsageRecord, UsageRow)>();
        var (isWhole, read) = (true, 0);
        try
        {
            var tenants = await TenantsAsync(scope, cancellationToken);
            if (ifWhole && tenants.Sum(tenant => tenant.Count) > Most)
            {
                return new WaitingCalls(calls, IsWhole: false);
            }

            foreach (var (tenant, _) in tenants)
            {
                if (read > Most)
                {
                    return new WaitingCalls(calls, IsWhole: false);
                }

                var batch = await buffer.PendingAsync(tenant, Most + 1 - read, cancellationToken);
                isWhole &= batch.IsWhole;
                read += batch.Records.Count;
                calls.AddRange(batch.Records.Where(UsageStore.IsStorable).Select(record => (record, UsageStore.ToRow(record))).Where(call => isWanted(call.Item2)));
            }
        }
        catch (Exception exception) when (RedisAway.Is(exception is AggregateException { InnerException: { } inner } ? inner : exception, cancellationToken))
        {
            // The client wraps exceptions inside a scan. For a report, the stored usage alone is better than no answer.
            isWhole = false;
            WaitingUnknown(exception.Message);
        }

        return new WaitingCalls(calls, isWhole);
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

    /// <summary>A scope's tenants that have waiting records, with the number of these.</summary>
    private async Task<List<(string Id, long Count)>> TenantsAsync(WaitingScope scope, CancellationToken cancellationToken)
    {
        var all = scope.TenantId is not null ? [scope.TenantId] : await buffer.TenantsAsync();
        var counts = await Task.WhenAll(all.Select(buffer.CountAsync));
        var tenants = new List<(string, long)>();
        foreach (var (tenant, count) in all.Zip(counts).Where(pair => pair.Second > 0))
        {
            // A tenant belongs to one partner. What waits of others neither delays this sum nor makes it a part.
            if (scope is { TenantId: null, PartnerId: not null }
                && (await buffer.PendingAsync(tenant, limit: 1, cancellationToken)).Records is [var first, ..] && first.PartnerId != scope.PartnerId)
            {
                continue;
            }

            tenants.Add((tenant, count));
        }

        return tenants;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A sum of usage does not include all records that wait in Redis. {Reason}")]
    private partial void WaitingUnknown(string reason);
}

/// <param name="TenantId">The tenant; null for all of the partner.</param>
/// <param name="PartnerId">The partner; null for all.</param>
internal readonly record struct WaitingScope(string? TenantId, string? PartnerId);

/// <param name="Calls">The records.</param>
/// <param name="IsWhole">False if there may be more.</param>
internal readonly record struct WaitingCalls(List<(UsageRecord Record, UsageRow Row)> Calls, bool IsWhole);
