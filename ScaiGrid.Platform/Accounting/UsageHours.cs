using System.Globalization;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Accounting;

/// <summary>Adds rows to the hourly sums, many sums a statement. Adding is relative, so it does not matter what is there.</summary>
internal static class UsageHours
{
    private const int SumsPerStatement = 200;

    private static readonly string[] Keys = ["tenant_id", "hour", "user_id", "model", "backend_id"];
    private static readonly string[] Amounts = ["request_count", "input_tokens", "output_tokens", "cost", "backend_cost"];

    public static async Task AddAsync(PlatformDb db, IEnumerable<UsageRow> rows, CancellationToken cancellationToken)
    {
        var sums = rows.GroupBy(row => (row.TenantId, Hour: HourRange.Floor(row.CreatedAt), row.UserId, row.Model, row.BackendId));
        foreach (var batch in sums.Chunk(SumsPerStatement))
        {
            var values = new List<object>();
            foreach (var sum in batch)
            {
                var key = sum.Key;
                values.AddRange([key.TenantId, Microseconds.From(key.Hour), key.UserId, key.Model, key.BackendId, sum.First().PartnerId]);
                values.AddRange([sum.LongCount(), sum.Sum(row => row.TokensIn), sum.Sum(row => row.TokensOut)]);
                values.AddRange([sum.Sum(row => row.Cost), sum.Sum(row => row.BackendCost)]);
            }

            await db.Database.ExecuteSqlRawAsync(Upsert(batch.Length, db.Database.IsSqlite()), values, cancellationToken);
        }
    }

    private static string Upsert(int count, bool isSqlite)
    {
        string[] columns = [.. Keys, "partner_id", .. Amounts];
        var rows = Enumerable.Range(0, count)
            .Select(row => $"({string.Join(", ", Enumerable.Range(row * columns.Length, columns.Length).Select(Placeholder))})");
        var onConflict = isSqlite
            ? $"ON CONFLICT ({string.Join(", ", Keys)}) DO UPDATE SET {Add("excluded.{0}")}"
            : $"ON DUPLICATE KEY UPDATE {Add("VALUES({0})")}";
        return $"INSERT INTO usage_hours ({string.Join(", ", columns)}) VALUES {string.Join(", ", rows)} {onConflict}";
    }

    private static string Placeholder(int index) => string.Create(CultureInfo.InvariantCulture, $"{{{index}}}");

    private static string Add(string added) =>
        string.Join(", ", Amounts.Select(name => $"{name} = {name} + {added.Replace("{0}", name, StringComparison.Ordinal)}"));
}
