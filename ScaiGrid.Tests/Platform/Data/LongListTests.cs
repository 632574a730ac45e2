using System.Diagnostics;
using System.Globalization;
using ScaiGrid.Core.Data;
using ScaiGrid.Core.Http;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Data;

/// <summary>
/// Lists of a tenant with a hundred thousand rows of each kind, including users: a page takes the same time at any depth, on both databases.
/// </summary>
[Trait("lane", "long")]
[Trait("needs", "services")]
public sealed class LongListTests(DatabaseServer server, ITestOutputHelper output)
{
    private const int Rows = 100_000;
    private const int Rounds = 30;
    private const int WarmUp = 5;
    private const int Attempts = 3;

    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task Page_CostsTheSameAtAnyDepth(DatabaseKind kind)
    {
        using var database = await server.CreateAsync(kind);
        await using var redis = await RedisServer.StartAsync();
        using var folder = new TemporaryFolder();
        var settings = new Dictionary<string, string>(Limits.None)
        {
            ["SCAIGRID_DATABASE_URL"] = database.Url,
            ["SCAIGRID_REDIS_URL"] = redis.Url,
            ["SCAIGRID_DATA_DIR"] = folder.File("data"),
            ["SCAIGRID_SECRET_KEY"] = Secrets.SecretKey,
            ["SCAIGRID_BOOTSTRAP_API_KEY"] = Secrets.AdminKey,
        };
        await ModeProcess.RunAsync(Mode.Migrate, settings);
        Owner owner;
        await using (var replica = await Replica.StartAsync(Mode.Http, settings))
        {
            owner = await Owner.CreateAsync(replica.BaseAddress);
        }

        var started = Stopwatch.GetTimestamp();
        await FillAsync(database, owner);
        output.WriteLine($"Filled in {Stopwatch.GetElapsedTime(started).TotalSeconds:F0} s.");

        // This replica starts with all rows.
        started = Stopwatch.GetTimestamp();
        await using var grid = await Replica.StartAsync(Mode.Http, settings);
        output.WriteLine($"Started in {Stopwatch.GetElapsedTime(started).TotalSeconds:F1} s, {grid.PeakMemoryBytes / 1e6:F0} MB.");
        using var api = new ApiDriver(grid.BaseAddress, owner.Key);
        var breaches = new List<string>();
        foreach (var (path, prefix) in owner.Lists)
        {
            // A page takes about a millisecond. A busy machine may disturb one attempt, but not every one.
            var isFlat = false;
            for (var attempt = 1; attempt <= Attempts && !isFlat; attempt++)
            {
                // In the middle and near the end, for which databases may choose different plans.
                var (first, middle, last) = await CompareAsync(api, path, prefix);
                isFlat = middle < first * 1.5 && last < first * 1.5;
                output.WriteLine($"{path}: first page {first:F1} ms, middle {middle:F1} ms, end {last:F1} ms");
            }

            if (!isFlat)
            {
                breaches.Add(path);
            }
        }

        // No row is as new as that: it is not looked for among those that are older.
        var newest = $"/v1/webhooks/{owner.WebhookId}/deliveries?since={Uri.EscapeDataString(TimeProvider.System.GetUtcNow().ToString("O", CultureInfo.InvariantCulture))}";
        foreach (var path in (string[])[newest, $"{newest}&status=failed"])
        {
            var (page, none) = await CompareWithNoneAsync(api, $"/v1/webhooks/{owner.WebhookId}/deliveries", path);
            output.WriteLine($"{path}: {none:F1} ms, first page of all {page:F1} ms");
            if (none > page * 2)
            {
                breaches.Add(path);
            }
        }

        Assert.True(breaches.Count == 0, $"Pages cost more at depth: {string.Join(", ", breaches)}");
    }

    private static async Task<(double First, double Middle, double Last)> CompareAsync(ApiDriver api, string path, string prefix)
    {
        var start = $"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}limit=50";

        // In turns, so that other load on the machine affects all alike. A cursor is the id of the row before the page.
        string[] urls = [start, $"{start}&cursor={Cursor.Encode(Id(prefix, Rows / 2))}", $"{start}&cursor={Cursor.Encode(Id(prefix, Rows / 100))}"];
        var times = urls.Select(_ => new List<double>()).ToArray();
        for (var round = -WarmUp; round < Rounds; round++)
        {
            for (var i = 0; i < urls.Length; i++)
            {
                var began = Stopwatch.GetTimestamp();
                var page = (await api.GetAsync(urls[i])).Ok();
                if (round >= 0)
                {
                    times[i].Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
                }

                Assert.Equal(50, page["items"]!.AsArray().Count);
            }
        }

        var medians = times.Select(list => list.Order().ElementAt(Rounds / 2)).ToArray();
        return (medians[0], medians[1], medians[2]);
    }

    private static async Task<(double Page, double None)> CompareWithNoneAsync(ApiDriver api, string path, string without)
    {
        var (page, none) = (new List<double>(), new List<double>());
        for (var round = 0; round < Rounds; round++)
        {
            var began = Stopwatch.GetTimestamp();
            (await api.GetAsync(path)).Ok();
            page.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            began = Stopwatch.GetTimestamp();
            Assert.Empty((await api.GetAsync(without)).Ok()["items"]!.AsArray());
            none.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
        }

        return (page.Order().ElementAt(Rounds / 2), none.Order().ElementAt(Rounds / 2));
    }

    private static string Id(string prefix, int row) => $"{prefix}_01{row.ToString("D24", CultureInfo.InvariantCulture)}";

    private static async Task FillAsync(TestDatabase database, Owner owner)
    {
        var isSqlite = database.Kind is DatabaseKind.Sqlite;
        const string Digits = "(SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 "
            + "UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)";
        await database.ExecuteAsync("CREATE TABLE numbers (n INTEGER PRIMARY KEY)");
        await database.ExecuteAsync(
            $"INSERT INTO numbers SELECT a.d + 10 * b.d + 100 * c.d + 1000 * e.d + 10000 * f.d + 1 FROM {Digits} a, {Digits} b, {Digits} c, {Digits} e, {Digits} f");

        // One row in three is suspended, failed or dead.
        var (tenant, user, partner) = ($"'{owner.TenantId}'", $"'{owner.UserId}'", $"'{owner.PartnerId}'");
        await AddAsync("users", "usr", $"tenant_id={tenant}; email={Text("many")}; display_name='Many'; status={Third("suspended", "active")}; created_at=1; updated_at=1; deleted_at=0");
        await database.ExecuteAsync("INSERT INTO user_roles (user_id, role) SELECT id, 'tenant_user' FROM users WHERE display_name = 'Many'");
        var hash = isSqlite ? "printf('%08x', n) || printf('%056d', 0)" : "RPAD(LPAD(HEX(n), 8, '0'), 64, '0')";
        await AddAsync("api_keys", "apikey", $"tenant_id={tenant}; user_id={user}; name='Many'; hash={hash}; prefix='sgk_'; revoked_at=CASE WHEN n % 3 = 0 THEN 1 END; created_at=1; created_by={user}");
        await AddAsync("user_groups", "grp", $"tenant_id={tenant}; external_id={Text("group")}; name='Many'; created_at=1; updated_at=1");
        await AddAsync(
            "webhook_deliveries",
            "del",
            $"webhook_id='{owner.WebhookId}'; tenant_id={tenant}; event_id='evt_1'; event_type='test'; body='{{}}'; status={Third("failed", "success")}; attempts=1; created_at=1");
        await AddAsync("files", "file", $"tenant_id={tenant}; user_id={user}; filename='many'; purpose='batch'; bytes=1; blob_key='many'; created_at=1");
        await AddAsync(
            "batches",
            "batch",
            $"tenant_id={tenant}; partner_id={partner}; user_id={user}; surface='native'; completion_window='24h'; price_percent=50; status='completed'; total=1; completed=1; "
            + "failed=0; chunks=1; chunks_done=1; metadata='{}'; created_at=1; expires_at=1");
        await AddAsync("chat_sessions", "sess", $"tenant_id={tenant}; user_id={user}; model='scailabs/echo'; metadata='{{}}'; created_at=1; updated_at=1");
        await AddAsync("messages", "msg", $"conversation_id='{owner.SessionId}'; tenant_id={tenant}; role='user'; author={user}; content='many'; is_complete=1; created_at=1");
        await AddAsync("jobs", "job", $"queue='none'; lane='none'; state={Third("dead", "ready")}; run_at=9000000000000000; attempts=0; tenant_id={tenant}; partner_id={partner}; payload='{{}}'; created_at=1");
        await AddAsync(
            "usage_records",
            "usage",
            $"request_id={Text("req")}; created_at=1; tenant_id={tenant}; partner_id={partner}; user_id={user}; model_id='mdl_1'; model='many'; backend_id='be_1'; protocol='native'; "
            + "status='ok'; tokens_in=1; tokens_out=1; cached_tokens=0; reasoning_tokens=0; cost=1; backend_cost=1; latency_ms=1; estimated=0; price_version=1");

        string Text(string prefix) => isSqlite ? $"printf('{prefix}%d', n)" : $"CONCAT('{prefix}', n)";

        string Third(string one, string two) => $"CASE WHEN n % 3 = 0 THEN '{one}' ELSE '{two}' END";

        Task AddAsync(string table, string prefix, string row)
        {
            var columns = row.Split("; ").Select(column => column.Split('=', 2)).ToList();
            var id = isSqlite ? $"printf('{prefix}_01%024d', n)" : $"CONCAT('{prefix}_01', LPAD(n, 24, '0'))";
            return database.ExecuteAsync(
                $"INSERT INTO {table} (id, {string.Join(", ", columns.Select(column => column[0]))}) SELECT {id}, {string.Join(", ", columns.Select(column => column[1]))} FROM numbers");
        }
    }

    /// <summary>The owner of all rows.</summary>
    private sealed record Owner(string Key, string TenantId, string PartnerId, string UserId, string WebhookId, string SessionId)
    {
        /// <summary>The lists, and the prefix of their ids.</summary>
        public (string Path, string Prefix)[] Lists =>
        [
            ("/v1/users", "usr"),
            ("/v1/users?status=active", "usr"),
            ("/v1/users?status=suspended", "usr"),
            ("/v1/api-keys", "apikey"),
            ("/v1/groups", "grp"),
            ($"/v1/webhooks/{WebhookId}/deliveries", "del"),
            ($"/v1/webhooks/{WebhookId}/deliveries?status=failed", "del"),
            ("/v1/files", "file"),
            ("/v1/inference/batch", "batch"),
            ("/v1/sessions", "sess"),
            ("/v1/sessions?scope=tenant", "sess"),
            ($"/v1/sessions/{SessionId}/messages", "msg"),
            ("/v1/admin/jobs", "job"),
            ("/v1/accounting/usage", "usage"),
        ];

        public static async Task<Owner> CreateAsync(Uri address)
        {
            using var operators = new ApiDriver(address, Secrets.AdminKey);
            var tenant = await SeededTenant.CreateAsync(operators);
            using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
            var webhook = (await admin.Api.PostAsync("/v1/webhooks", new { url = "https://receiver.example/", events = new[] { "*" } })).Created();
            var session = (await admin.Api.PostAsync("/v1/sessions", new { model = "scailabs/echo" })).Created();
            return new Owner(admin.Api.Key!, tenant.Id, tenant.PartnerId, admin.Id, (string)webhook["id"]!, (string)session["id"]!);
        }
    }
}
