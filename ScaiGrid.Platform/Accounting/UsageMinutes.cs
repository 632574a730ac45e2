using System.Globalization;
using Microsoft.EntityFrameworkCore;
using ScaiGrid.Core;
using ScaiGrid.Platform.Data;

namespace ScaiGrid.Platform.Accounting;

/// <summary>Sums rows per minute in the database. In SQL, because a time is stored as a number, which EF's model does not expose.</summary>
internal static class UsageMinutes
{
    private const long MicrosecondsPerMinute = 60_000_000;

    public static async Task<IReadOnlyList<(DateTimeOffset Start, UsageTotal Total)>> SumAsync(
        PlatformDb db, UsageScope scope, DateTimeOffset start, CancellationToken cancellationToken)
    {
        List<object> values = [Microseconds.From(start), UsageIds.LowerBound(start)];
        var conditions = new List<string> { "created_at >= {0}", "id >= {1}" };
        Narrow("partner_id", scope.PartnerId);
        Narrow("tenant_id", scope.TenantId);
        Narrow("user_id", scope.UserId);

        // Units and remainder separately, as in UsageAmounts.
        var units = $"(cost - cost % {Money.NanosPerUnit}) / {Money.NanosPerUnit}";
        var integer = db.Database.IsSqlite() ? "INTEGER" : "SIGNED";
        var sql = $"""
            SELECT created_at - created_at % {MicrosecondsPerMinute} AS "Minute",
                CAST(SUM({units}) AS {integer}) AS "Units", CAST(SUM(cost % {Money.NanosPerUnit}) AS {integer}) AS "Rest",
                CAST(SUM(tokens_in + tokens_out) AS {integer}) AS "Tokens", COUNT(*) AS "Requests"
            FROM usage_records WHERE {string.Join(" AND ", conditions)} GROUP BY created_at - created_at % {MicrosecondsPerMinute}
            """;
        var sums = await db.Database.SqlQueryRaw<MinuteSum>(db.Database.IsSqlite() ? sql : sql.Replace('"', '`'), [.. values]).ToListAsync(cancellationToken);
        return sums.ConvertAll(sum => (Microseconds.ToTime(sum.Minute), new UsageTotal(Cost(sum), sum.Tokens, sum.Requests)));

        void Narrow(string column, string? value)
        {
            if (value is not null)
            {
                conditions.Add($"{column} = {Place(value)}");
            }
        }

        string Place(string value)
        {
            values.Add(value);
            return string.Create(CultureInfo.InvariantCulture, $"{{{values.Count - 1}}}");
        }
    }

    public static (DateTimeOffset Start, UsageTotal Total) Of(UsageRow row) => (
        WholeUnits.MinuteOf(row.CreatedAt),
        new UsageTotal(row.Cost, row.TokensIn + row.TokensOut, 1));

    private static long Cost(MinuteSum sum) => (long)Int128.Min(((Int128)sum.Units * Money.NanosPerUnit) + sum.Rest, long.MaxValue);

    internal sealed record MinuteSum(long Minute, long Units, long Rest, long Tokens, long Requests);
}
