using System.Globalization;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Accounting;

/// <summary>Adds calls to the sums of hours, days and groups, many sums per statement, creating the rows that do not exist.</summary>
internal static class UsageRollups
{
    private const int SumsPerStatement = 200;

    private static readonly string[] Amounts = ["request_count", "input_tokens", "output_tokens", "cost", "backend_cost"];

    public static async Task AddAsync(PlatformDb db, IReadOnlyList<UsageRow> rows, CancellationToken cancellationToken)
    {
        await AddAsync(db, "usage_hours", "hour", rows, WholeUnits.HourOf, cancellationToken);
        await AddAsync(db, "usage_days", "day", rows, WholeUnits.DayOf, cancellationToken);
    }

    /// <summary>Adds calls to the sums of groups.</summary>
    public static async Task AddAsync(PlatformDb db, IReadOnlyList<GroupedUsage> usage, CancellationToken cancellationToken)
    {
        await AddAsync(db, "usage_group_hours", "hour", usage, WholeUnits.HourOf, cancellationToken);
        await AddAsync(db, "usage_group_minutes", "minute", usage, WholeUnits.MinuteOf, cancellationToken);
    }

    private static Task AddAsync(
        PlatformDb db, string table, string unit, IEnumerable<UsageRow> rows, Func<DateTimeOffset, DateTimeOffset> unitOf, CancellationToken cancellationToken)
    {
        var sums = rows.GroupBy(row => (row.TenantId, Unit: unitOf(row.CreatedAt), row.UserId, row.Model, row.BackendId));
        return AddAsync(
            db,
            table,
            ["tenant_id", unit, "user_id", "model", "backend_id"],
            sums.Select(sum => Values([sum.Key.TenantId, Microseconds.From(sum.Key.Unit), sum.Key.UserId, sum.Key.Model, sum.Key.BackendId], sum)),
            cancellationToken);
    }

    private static Task AddAsync(
        PlatformDb db, string table, string unit, IEnumerable<GroupedUsage> usage, Func<DateTimeOffset, DateTimeOffset> unitOf, CancellationToken cancellationToken)
    {
        var sums = usage.GroupBy(call => (call.Row.TenantId, call.GroupId, Unit: unitOf(call.Row.CreatedAt)), call => call.Row);
        return AddAsync(
            db,
            table,
            ["tenant_id", "group_id", unit],
            sums.Select(sum => Values([sum.Key.TenantId, sum.Key.GroupId, Microseconds.From(sum.Key.Unit)], sum)),
            cancellationToken);
    }

    private static async Task AddAsync(PlatformDb db, string table, string[] keys, IEnumerable<object[]> sums, CancellationToken cancellationToken)
    {
        foreach (var batch in sums.Chunk(SumsPerStatement))
        {
            await db.Database.ExecuteSqlRawAsync(Upsert(table, keys, batch.Length, db.Database.IsSqlite()), batch.SelectMany(sum => sum), cancellationToken);
        }
    }

    private static object[] Values(object[] keys, IEnumerable<UsageRow> sum) =>
    [
        .. keys, sum.First().PartnerId, sum.LongCount(), Total(sum, row => row.TokensIn), Total(sum, row => row.TokensOut),
        Total(sum, row => row.Cost), Total(sum, row => row.BackendCost),
    ];

    private static long Total(IEnumerable<UsageRow> rows, Func<UsageRow, long> amount) => rows.Aggregate(0L, (sum, row) => Money.Add(sum, amount(row)));

    private static string Upsert(string table, string[] keys, int count, bool isSqlite)
    {
        string[] columns = [.. keys, "partner_id", .. Amounts];
        var rows = Enumerable.Range(0, count)
            .Select(row => $"({string.Join(", ", Enumerable.Range(row * columns.Length, columns.Length).Select(Placeholder))})");
        var onConflict = isSqlite
            ? $"ON CONFLICT ({string.Join(", ", keys)}) DO UPDATE SET {Add(name => $"excluded.{name}")}"
            : $"ON DUPLICATE KEY UPDATE {Add(name => $"VALUES({name})")}";
        return $"INSERT INTO {table} ({string.Join(", ", columns)}) VALUES {string.Join(", ", rows)} {onConflict}";
    }

    private static string Placeholder(int index) => string.Create(CultureInfo.InvariantCulture, $"{{{index}}}");

    // Neither database saturates by itself: MariaDB fails, and SQLite continues in floating point.
    private static string Add(Func<string, string> added) => string.Join(", ", Amounts.Select(name =>
        $"{name} = CASE WHEN {name} > {long.MaxValue} - {added(name)} THEN {long.MaxValue} ELSE {name} + {added(name)} END"));
}
