using System.Text;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Accounting;

/// <summary>Writes usage to the database: new rows, and in the same transaction the sums of their hours and days.</summary>
internal sealed class UsageStore(IDbContextFactory<PlatformDb> databases, RequestEvents events)
{
    private const string Lock = "accounting.usage_flush";
    private const int WordLength = 50;
    private const int ModelLength = 200;

    /// <returns>The number of records that were new.</returns>
    public Task<int> StoreAsync(IReadOnlyList<UsageRecord> records, CancellationToken cancellationToken) => databases.TransactAsync(
        async (db, token) =>
        {
            // Two concurrent flushes would both find a row missing, and the second would fail on its key.
            await db.TakeLockAsync(Lock, token);
            var rows = records.Select(ToRow).ToList();
            var stored = await StoredIdsAsync(db, rows, token);
            var missing = rows.Where(row => !stored.Contains(row.Id)).ToList();
            db.ChangeTracker.AutoDetectChangesEnabled = false;
            db.UsageRows.AddRange(missing);
            await UsageRollups.AddAsync(db, missing, token);
            await UsageRollups.AddAsync(db, GroupedUsage.Of(records.Zip(rows).Where(pair => !stored.Contains(pair.Second.Id))), token);
            await events.AddAsync(db, missing, token);
            return missing.Count;
        },
        cancellationToken);

    public static async Task<HashSet<string>> StoredIdsAsync(PlatformDb db, IEnumerable<UsageRow> rows, CancellationToken cancellationToken)
    {
        var ids = rows.Select(row => row.Id).ToArray();
        return await db.UsageRows.Where(row => ids.Contains(row.Id)).Select(row => row.Id).ToHashSetAsync(cancellationToken);
    }

    /// <summary>
    /// Whether a record fits the tables. One that does not would make its batch fail again and again.
    /// </summary>
    public static bool IsStorable(UsageRecord record) =>
        IsId(record.Id) && record.Id.StartsWith(Ids.Usage + "_", StringComparison.Ordinal)
        && IsAscii(record.RequestId, UsageRowConfiguration.RequestIdLength)
        && IsId(record.PartnerId) && IsId(record.TenantId) && IsId(record.UserId) && IsId(record.ModelId) && IsId(record.BackendId)
        && (record.ApiKeyId is null || IsId(record.ApiKeyId))
        && record.GroupIds?.All(IsId) is not false
        && record.Model is { Length: > 0 and <= ModelLength }
        && IsAscii(record.Protocol, WordLength) && IsAscii(record.Status, WordLength)
        && record.CreatedAt > 0 && record.CreatedAt < Microseconds.From(DateTimeOffset.MaxValue.AddYears(-1))
        && record is { TokensIn: >= 0, TokensOut: >= 0, CachedTokens: >= 0, ReasoningTokens: >= 0, Cost: >= 0, BackendCost: >= 0, LatencyMs: >= 0 };

    public static UsageRow ToRow(UsageRecord record) => new()
    {
        Id = record.Id,
        RequestId = record.RequestId,
        CreatedAt = Microseconds.ToTime(record.CreatedAt),
        TenantId = record.TenantId,
        PartnerId = record.PartnerId,
        UserId = record.UserId,
        ApiKeyId = record.ApiKeyId,
        ModelId = record.ModelId,
        Model = record.Model,
        BackendId = record.BackendId,
        Protocol = record.Protocol,
        Status = record.Status,
        TokensIn = record.TokensIn,
        TokensOut = record.TokensOut,
        CachedTokens = record.CachedTokens,
        ReasoningTokens = record.ReasoningTokens,
        Cost = record.Cost,
        BackendCost = record.BackendCost,
        PriceVersion = record.PriceVersion,
        LatencyMs = (int)Math.Min(record.LatencyMs, int.MaxValue),
        TimeToFirstTokenMs = record.TimeToFirstTokenMs is { } first ? (int)Math.Clamp(first, 0, int.MaxValue) : null,
        Estimated = record.Estimated,
    };

    private static bool IsId(string? text) => IsAscii(text, Ids.MaxLength);

    private static bool IsAscii(string? text, int maxLength) => text?.Length > 0 && text.Length <= maxLength && Ascii.IsValid(text);
}

/// <summary>A call and one of the groups that it counts for.</summary>
internal sealed record GroupedUsage(string GroupId, UsageRow Row)
{
    public static List<GroupedUsage> Of(IEnumerable<(UsageRecord Record, UsageRow Row)> calls) =>
        [.. calls.SelectMany(call => (call.Record.GroupIds ?? []).Distinct().Select(group => new GroupedUsage(group, call.Row)))];
}
