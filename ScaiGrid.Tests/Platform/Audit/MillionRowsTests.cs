using System.Diagnostics;
using System.Globalization;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Audit;

/// <summary>A million audit rows in one tenant: a page takes the same time at any depth, and an export needs no more memory than a page.</summary>
[Trait("lane", "long")]
public sealed class MillionRowsTests(Grid grid, ITestOutputHelper output) : ServicesTest(grid)
{
    private const int Rows = 1_000_000;

    [Fact]
    public async Task PagesAtDepthCostTheSame_AndExportsAreFlat()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        await FillAsync(tenant);
        await using var replica = await Replica.StartAsync(Mode.Http, Services.Settings);
        using var api = new ApiDriver(replica.BaseAddress, admin.Api.Key);

        var first = (string[])["limit=50", "limit=50&action=thing.update", "limit=50&status=FAILURE", "limit=50&actor_id=usr_1"];
        foreach (var query in first)
        {
            // In the middle and near the end, for which databases may choose different plans.
            foreach (var depth in (int[])[Rows / 2, Rows / 100])
            {
                var (top, deep) = await CompareAsync(api, query, depth);
                output.WriteLine($"{query}: first page {top:F2} ms, with {depth:N0} rows left {deep:F2} ms, ratio {deep / top:F2}");
                Assert.True(deep / top < 1.5, $"{query}: {top} ms, then {deep} ms.");
            }
        }

        await RareRowsAsync(tenant, replica);

        await api.GetAsync("/v1/audit-log/export?format=ndjson&status=FAILURE");
        var before = replica.PeakMemoryBytes;
        foreach (var format in (string[])["ndjson", "csv", "json"])
        {
            var started = Stopwatch.GetTimestamp();
            var bytes = await DrainAsync(api, format);
            output.WriteLine($"{format}: {bytes:N0} bytes in {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s, peak memory {replica.PeakMemoryBytes / 1e6:F0} MB (before {before / 1e6:F0} MB)");
            Assert.True(bytes > 300L * Rows, "The export is incomplete.");
        }

        // Together the rows have several times this size.
        Assert.InRange(replica.PeakMemoryBytes - before, 0, 64_000_000);
    }

    /// <summary>A page with the only row of its kind, which is the oldest, does not read the history to find it.</summary>
    private async Task RareRowsAsync(SeededTenant tenant, ModeProcess replica)
    {
        using var partnerAdmin = await tenant.AddUserAsync(Roles.PartnerAdmin);
        using var partner = new ApiDriver(replica.BaseAddress, partnerAdmin.Api.Key);
        using var super = new ApiDriver(replica.BaseAddress, Secrets.AdminKey);
        await replica.CatchUpAsync(Admin);
        string[] filters = ["action=rare.create", "actor_id=usr_rare", "resource_type=rare", "resource_id=rare_1", "ip_address=10.99.99.99"];
        foreach (var (who, api, query) in filters.SelectMany(filter => new[]
        {
            ("super admin", super, filter), ("super admin, one tenant", super, $"{filter}&tenant_id={tenant.Id}"),
        }).Concat([("partner admin", partner, "actor_id=usr_rare"), ("partner admin", partner, "resource_id=rare_1")]))
        {
            var took = new List<double>();
            for (var i = 0; i < 5; i++)
            {
                var started = Stopwatch.GetTimestamp();
                Assert.Single((await api.GetAsync($"/v1/audit-log?{query}")).Ok()["items"]!.AsArray());
                took.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            }

            output.WriteLine($"{who}, {query}: {Median(took):F1} ms");
            Assert.True(Median(took) < 100, $"{who}, {query}: {Median(took):F1} ms.");
        }
    }

    private static async Task<(double First, double Deep)> CompareAsync(ApiDriver api, string query, int depth)
    {
        // A cursor is the id of the row before the page.
        var cursor = Cursor.Encode(Id(depth));
        var (first, deep) = (new List<double>(), new List<double>());
        for (var i = 0; i < 40; i++)
        {
            first.Add(await TimeAsync(api, query));
            deep.Add(await TimeAsync(api, $"{query}&cursor={cursor}"));
        }

        return (Median(first), Median(deep));
    }

    private static async Task<double> TimeAsync(ApiDriver api, string query)
    {
        var started = Stopwatch.GetTimestamp();
        var page = (await api.GetAsync($"/v1/audit-log?{query}")).Ok();
        var elapsed = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        Assert.Equal(50, page["items"]!.AsArray().Count);
        return elapsed;
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static async Task<long> DrainAsync(ApiDriver api, string format)
    {
        using var response = await api.Http.GetAsync(new Uri($"/v1/audit-log/export?format={format}", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead);
        response.EnsureSuccessStatusCode();
        await using var body = await response.Content.ReadAsStreamAsync();
        var (buffer, total) = (new byte[64 * 1024], 0L);
        for (int read; (read = await body.ReadAsync(buffer)) > 0; total += read)
        {
        }

        return total;
    }

    private static string Id(int row) => $"audit_01{row.ToString("D24", CultureInfo.InvariantCulture)}";

    private async Task FillAsync(SeededTenant tenant)
    {
        const int Batch = 50_000;

        // Keeps sequence numbers free for the rows that the creation of the tenant and its admin has written.
        const int Seeded = 1000;
        for (var from = 1; from <= Rows; from += Batch)
        {
            await Services.MariaDb.ExecuteAsync(
                $"""
                INSERT INTO audit_log (id, tenant_id, sequence, partner_id, created_at, action, actor_id, actor_email, actor_type, resource_type, resource_id,
                    ip_address, user_agent, status, request_id, changes, previous_hash, hash)
                SELECT CONCAT('audit_01', LPAD(seq, 24, '0')), @tenant, seq + {Seeded}, @partner, 1767225600000000 + seq,
                    IF(seq = 1, 'rare.create', IF(seq % 3 = 0, 'thing.update', 'thing.create')), IF(seq = 1, 'usr_rare', 'usr_1'), 'somebody@test.example', 'user',
                    IF(seq = 1, 'rare', 'thing'), CONCAT(IF(seq = 1, 'rare_', 'thing_'), seq), IF(seq = 1, '10.99.99.99', '127.0.0.1'), 'test', IF(seq % 50 = 0, 'FAILURE', 'SUCCESS'), CONCAT('req_', seq),
                    '[]', SHA2(seq - 1, 256), SHA2(seq, 256)
                FROM seq_{from}_to_{from + Batch - 1}
                """,
                ("tenant", tenant.Id),
                ("partner", tenant.PartnerId));
        }
    }
}
