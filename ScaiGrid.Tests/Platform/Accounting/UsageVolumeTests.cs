using System.Diagnostics;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Accounting;

/// <summary>Five million calls in a month: neither the time of a summary nor the memory of an export grows with their number.</summary>
[Trait("needs", "services")]
[Trait("lane", "long")]
public sealed class UsageVolumeTests
{
    private const int Many = 5_000_000;

    // About 50,000 rows. 101 has no divisor in common with the numbers of users, models and backends.
    private const int OneIn = 101;
    private const int Few = (Many + OneIn - 1) / OneIn;
    private const int Chunk = 100_000;
    private const long Microseconds = 30L * 24 * 60 * 60 * 1_000_000;

    // The few rows are spread over the month, and the rest is inserted between them. Both are inserted in the order of time, as calls arrive: in random order
    // a database needs hours for millions of rows.
    private static readonly string FewOnly = $"n MOD {OneIn} = 0";
    private static readonly string Rest = $"n MOD {OneIn} <> 0";

    // The time part of a ULID in SQL: Crockford's base 32, whose letters differ from MariaDB's but have the same order.
    private const string UlidTime =
        "REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(LPAD(CONV(at DIV 1000, 10, 32), 10, '0'),"
        + " 'V', 'Z'), 'U', 'Y'), 'T', 'X'), 'S', 'W'), 'R', 'V'), 'Q', 'T'), 'P', 'S'), 'O', 'R'), 'N', 'Q'), 'M', 'P'), 'L', 'N'), 'K', 'M'), 'J', 'K'), 'I', 'J')";

    [Fact]
    public async Task SummaryAndExport_DoNotGrowWithTheRows()
    {
        await using var services = await GridServices.StartAsync();
        await services.MigrateAsync();
        await using var api = await Replica.StartAsync(Mode.Http, services.Settings);
        using var admin = new ApiDriver(api.BaseAddress, Secrets.AdminKey);
        var first = (TimeProvider.System.GetUtcNow().AddDays(-31) - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

        var started = Stopwatch.GetTimestamp();
        await FillAsync(services.MariaDb, first, 0, Many, FewOnly);
        var few = await SummaryAsync(admin, Few);
        var begun = Stopwatch.GetTimestamp();
        Assert.Equal(Few, await ExportAsync(admin));
        var fewTook = Stopwatch.GetElapsedTime(begun);
        var memory = api.PeakMemoryBytes;
        for (var from = 0; from < Many; from += Chunk)
        {
            await FillAsync(services.MariaDb, first, from, Chunk, Rest);
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{Many} rows after {Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s");
        var many = await SummaryAsync(admin, Many);
        Assert.True(many < TimeSpan.FromMilliseconds(100) || many < few * 1.5, $"A month by model took {few} with {Few} rows and {many} with {Many}.");
        begun = Stopwatch.GetTimestamp();
        Assert.Equal(Many, await ExportAsync(admin));
        var manyTook = Stopwatch.GetElapsedTime(begun);
        TestContext.Current.TestOutputHelper?.WriteLine($"export: {fewTook.TotalSeconds:F1} s, {manyTook.TotalSeconds:F1} s");

        // The export has a hundred times the rows. If each page read all rows before it, the time per row would grow tenfold.
        Assert.True(manyTook < fewTook * OneIn * 5, $"An export took {fewTook} with {Few} rows and {manyTook} with {Many}.");
        Assert.True(api.PeakMemoryBytes < memory + (100L * 1024 * 1024), $"An export took {memory} bytes with {Few} rows and {api.PeakMemoryBytes} with {Many}.");
        TestContext.Current.TestOutputHelper?.WriteLine($"summary: {few.TotalMilliseconds} ms, {many.TotalMilliseconds} ms; peak memory: {memory}, {api.PeakMemoryBytes}");
    }

    private static async Task FillAsync(MariaDbServer database, long first, int from, int count, string which)
    {
        var step = Microseconds / Many;
        var numbers = $"(SELECT seq AS n, {first} + seq * {step} AS at FROM seq_{from}_to_{from + count - 1} HAVING {which}) numbers";
        await database.ExecuteAsync(
            $"""
            INSERT INTO usage_records (id, request_id, created_at, tenant_id, partner_id, user_id, api_key_id, model_id, model, backend_id, protocol, status,
                tokens_in, tokens_out, cached_tokens, reasoning_tokens, cost, backend_cost, latency_ms, estimated, price_version)
            SELECT CONCAT('usage_', {UlidTime}, LPAD(n, 16, '0')), CONCAT('req_', n), at, 'tnt_volume', 'prt_volume', CONCAT('usr_', n MOD 50), 'apikey_volume', 'mdl_volume',
                CONCAT('volume/', n MOD 5), CONCAT('be_', n MOD 3), 'native', 'ok', 100, 50, 0, 0, 1000000, 500000, 100, 0, 1
            FROM {numbers};
            """);
        foreach (var (table, unit, length) in new[] { ("usage_hours", "hour", 3_600_000_000L), ("usage_days", "day", 86_400_000_000L) })
        {
            await database.ExecuteAsync(
                $"""
                INSERT INTO {table} (tenant_id, {unit}, user_id, model, backend_id, partner_id, request_count, input_tokens, output_tokens, cost, backend_cost)
                SELECT 'tnt_volume', at - at MOD {length}, CONCAT('usr_', n MOD 50), CONCAT('volume/', n MOD 5), CONCAT('be_', n MOD 3), 'prt_volume',
                    COUNT(*), COUNT(*) * 100, COUNT(*) * 50, COUNT(*) * 1000000, COUNT(*) * 500000
                FROM {numbers}
                GROUP BY at - at MOD {length}, n MOD 50, n MOD 5, n MOD 3
                ON DUPLICATE KEY UPDATE request_count = request_count + VALUES(request_count), input_tokens = input_tokens + VALUES(input_tokens),
                    output_tokens = output_tokens + VALUES(output_tokens), cost = cost + VALUES(cost), backend_cost = backend_cost + VALUES(backend_cost);
                """);
        }
    }

    // The best of several runs, because the machine has other work as well.
    private static async Task<TimeSpan> SummaryAsync(ApiDriver admin, int count)
    {
        var best = TimeSpan.MaxValue;
        for (var i = 0; i < 10; i++)
        {
            var started = Stopwatch.GetTimestamp();
            var sums = (await admin.GetAsync("/v1/accounting/usage/summary?group_by=model&period=month&tenant_id=tnt_volume")).Ok().AsArray();
            var elapsed = Stopwatch.GetElapsedTime(started);
            best = elapsed < best ? elapsed : best;
            Assert.InRange(sums.Sum(sum => (int)sum!["request_count"]!), count * 9 / 10, count);
        }

        return best;
    }

    private static async Task<int> ExportAsync(ApiDriver admin)
    {
        using var response = await admin.Http.GetAsync(new Uri("/v1/accounting/export?format=ndjson&tenant_id=tnt_volume", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead);
        response.EnsureSuccessStatusCode();
        await using var stream = await response.Content.ReadAsStreamAsync();
        var buffer = new byte[128 * 1024];
        var lines = 0;
        for (int read; (read = await stream.ReadAsync(buffer)) > 0;)
        {
            lines += buffer.AsSpan(0, read).Count((byte)'\n');
        }

        return lines;
    }
}
