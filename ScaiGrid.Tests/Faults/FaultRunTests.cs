using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using MySqlConnector;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Faults;

/// <summary>
/// Three minutes of load on two Api replicas and two workers. Redis and MariaDB are killed and restarted; one worker and one replica are killed for good.
/// Every answered call must be in the database exactly once, and the log must stay small.
/// </summary>
[Trait("needs", "services")]
[Trait("lane", "long")]
public sealed class FaultRunTests
{
    private const int Parallel = 8;
    private const int PromptTokens = 1013;
    private const int CompletionTokens = 337;

    // The cost of a call: (1013 × 1.25 + 337 × 3.5) / 1,000,000, in nano-units.
    private const string InputPrice = "1.25";
    private const string OutputPrice = "3.5";
    private const long Cost = 2_445_750;

    private const int MostLoggedPerSecond = 10 * 1024;
    private static readonly TimeSpan Length = TimeSpan.FromMinutes(3);

    private readonly ConcurrentDictionary<string, bool> _calls = new();
    private readonly List<ModeProcess> _processes = [];

    [Fact]
    public async Task EverythingKilledOnce_EveryAnsweredCallIsAccountedOnce_AndTheLogStaysSmall()
    {
        await using var services = await GridServices.StartAsync();
        await using var upstream = await FakeUpstream.StartAsync();
        await services.MigrateAsync();
        try
        {
            var settings = services.Settings;
            var (doomedApi, api) = (await StartAsync(Mode.Http, settings), await StartAsync(Mode.Http, settings));
            var (doomedWorker, worker) = (await StartAsync(Mode.Worker, settings), await StartAsync(Mode.Worker, settings));
            using var admin = new ApiDriver(api.BaseAddress, Secrets.AdminKey);
            using var doomed = new ApiDriver(doomedApi.BaseAddress, Secrets.AdminKey);
            upstream.Play("fake", new UpstreamScript
            {
                PromptTokens = PromptTokens,
                CompletionTokens = CompletionTokens,
                Delay = TimeSpan.FromMilliseconds(20),
                ChunkDelay = TimeSpan.FromMilliseconds(10),
            });
            var slug = await admin.ConnectAsync(upstream.BaseUrl, "fake", InputPrice, OutputPrice);
            await Poll.UntilAsync(async () => await CallAsync(doomed, slug, $"warm-up-{_calls.Count}", stream: false), "the model on both replicas");

            var started = Stopwatch.GetTimestamp();
            var loggedBefore = _processes.Sum(process => process.OutputBytes);
            var journal = Path.Combine(settings["SCAIGRID_DATA_DIR"], "journal");
            var load = Task.WhenAll(Enumerable.Range(0, Parallel).Select(caller => LoadAsync(caller % 2 == 0 ? doomed : admin, admin, slug, caller, started)));

            await AtAsync(started, seconds: 20);
            await services.Redis.KillAsync();
            var shipped = JournalBytes(journal);
            await AtAsync(started, seconds: 35);
            var spooled = JournalBytes(journal);
            await services.Redis.RestartAsync();

            await AtAsync(started, seconds: 60);
            await services.MariaDb.KillAsync();
            await AtAsync(started, seconds: 80);
            await services.MariaDb.RestartAsync();

            await AtAsync(started, seconds: 105);
            await doomedWorker.KillAsync();
            await AtAsync(started, seconds: 125);
            await doomedApi.KillAsync();
            await load;

            var answered = _calls.Where(call => call.Value).Select(call => call.Key).ToHashSet();
            Assert.True(spooled > shipped, $"While Redis was away, the journals grew from {shipped} to {spooled} bytes.");
            var rows = await RowsAsync(services, slug, answered);
            var logged = (_processes.Sum(process => process.OutputBytes) - loggedBefore) / Stopwatch.GetElapsedTime(started).TotalSeconds;
            TestContext.Current.TestOutputHelper?.WriteLine(
                $"{_calls.Count} calls, {answered.Count} answered, {rows.Count} rows; journals of {spooled} bytes; {logged:F0} bytes logged a second.");

            // No record is stored twice. Rows of unanswered calls may exist only where the caller did not receive the end of the response.
            Assert.Equal(rows.Count, rows.Select(row => row.RequestId).Distinct().Count());
            Assert.Empty(answered.Except(rows.Select(row => row.RequestId)));
            Assert.All(rows, row => Assert.True(_calls.ContainsKey(row.RequestId), $"No call had the request id {row.RequestId}."));
            Assert.Equal(answered.Count * Cost, rows.Where(row => answered.Contains(row.RequestId)).Sum(row => row.Cost));
            Assert.InRange(rows.Count, answered.Count, answered.Count + Parallel);
            Assert.True(_calls.Count - answered.Count < _calls.Count / 100, $"{_calls.Count - answered.Count} of {_calls.Count} calls were not answered.");
            Assert.True(logged < MostLoggedPerSecond, $"{logged:F0} bytes were logged a second.");

            // The API reports the sums of the stored rows.
            var sum = (await admin.GetAsync($"/v1/accounting/usage/summary?group_by=model&model={Uri.EscapeDataString(slug)}")).Ok().AsArray().Single()!;
            Assert.Equal(rows.Count, (int)sum["request_count"]!);
            Assert.Equal(rows.Sum(row => row.Cost), (long)(decimal.Parse((string)sum["total_cost"]!, CultureInfo.InvariantCulture) * 1_000_000_000));
        }
        finally
        {
            foreach (var process in Enumerable.Reverse(_processes))
            {
                await process.DisposeAsync();
            }
        }
    }

    private async Task<ModeProcess> StartAsync(Mode mode, IReadOnlyDictionary<string, string> settings)
    {
        var process = await Replica.StartAsync(mode, settings);
        _processes.Add(process);
        return process;
    }

    private static async Task AtAsync(long started, int seconds)
    {
        var left = TimeSpan.FromSeconds(seconds) - Stopwatch.GetElapsedTime(started);
        await Task.Delay(left > TimeSpan.Zero ? left : TimeSpan.Zero);
    }

    private async Task LoadAsync(ApiDriver replica, ApiDriver other, string slug, int caller, long started)
    {
        for (var call = 0; Stopwatch.GetElapsedTime(started) < Length; call++)
        {
            if (!await CallAsync(replica, slug, $"run-{caller}-{call}", stream: call % 2 == 0) && replica != other)
            {
                replica = other;
            }
        }
    }

    private async Task<bool> CallAsync(ApiDriver replica, string slug, string requestId, bool stream)
    {
        var flag = stream ? "true" : "false";
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/inference/chat")
        {
            Content = new StringContent($$"""{"model":"{{slug}}","stream":{{flag}},"messages":[{"role":"user","content":"hi"}]}""", new MediaTypeHeaderValue("application/json")),
        };
        request.Headers.Add("X-Request-Id", requestId);
        _calls[requestId] = false;
        try
        {
            using var response = await replica.Http.SendAsync(request);
            var text = await response.Content.ReadAsStringAsync();
            return _calls[requestId] = response.IsSuccessStatusCode && (!stream || text.EndsWith("data: [DONE]\n\n", StringComparison.Ordinal));
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            return false;
        }
    }

    // Waits until all answered calls are stored, and then ten more seconds, in which a duplicate would arrive.
    private static async Task<IReadOnlyList<(string RequestId, long Cost)>> RowsAsync(GridServices services, string slug, HashSet<string> answered)
    {
        IReadOnlyList<(string RequestId, long Cost)> rows = [];
        await Poll.UntilAsync(
            async () =>
            {
                rows = await ReadAsync(services, slug);
                return answered.IsSubsetOf(rows.Select(row => row.RequestId));
            },
            "the answered calls in the database",
            TimeSpan.FromMinutes(2));
        await Task.Delay(TimeSpan.FromSeconds(10));
        return await ReadAsync(services, slug);
    }

    private static async Task<IReadOnlyList<(string RequestId, long Cost)>> ReadAsync(GridServices services, string slug)
    {
        await using var connection = new MySqlConnection(services.MariaDb.ConnectionString());
        await connection.OpenAsync();
        await using var command = new MySqlCommand("SELECT request_id, cost FROM usage_records WHERE model = @model", connection);
        command.Parameters.AddWithValue("model", slug);
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<(string, long)>();
        while (await reader.ReadAsync())
        {
            rows.Add((reader.GetString(0), reader.GetInt64(1)));
        }

        return rows;
    }

    private static long JournalBytes(string journal) =>
        Directory.EnumerateFiles(journal, "*", SearchOption.AllDirectories).Sum(file => new FileInfo(file) is { Exists: true } info ? info.Length : 0);
}
