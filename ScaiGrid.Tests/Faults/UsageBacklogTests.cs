using System.Globalization;
using System.Text.Json;
using ScaiGrid.Core;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Tests.Support;
using StackExchange.Redis;
using Xunit;

namespace ScaiGrid.Tests.Faults;

/// <summary>Usage records that Redis cannot take immediately, because the tenant's buffer is full or a killed process left many of them.</summary>
[Trait("needs", "services")]
public sealed class UsageBacklogTests : IAsyncLifetime
{
    private const string Model = "scailabs/echo";

    private readonly TemporaryFolder _folder = new();
    private Dictionary<string, string> _settings = [];
    private RedisServer _redis = null!;
    private ConnectionMultiplexer _client = null!;
    private ModeProcess _api = null!;
    private ApiDriver _admin = null!;
    private string _tenantId = "";
    private string _journals = "";

    public async ValueTask InitializeAsync()
    {
        _redis = await RedisServer.StartAsync("everysec");
        _client = await RedisStatements.ConnectAsync(_redis);
        _settings = new Dictionary<string, string>(Limits.None)
        {
            ["SCAIGRID_DATABASE_URL"] = $"sqlite://{_folder.File("grid.db")}",
            ["SCAIGRID_REDIS_URL"] = _redis.Url,
            ["SCAIGRID_DATA_DIR"] = _folder.File("data"),
            ["SCAIGRID_SECRET_KEY"] = Secrets.SecretKey,
            ["SCAIGRID_BOOTSTRAP_API_KEY"] = Secrets.AdminKey,
            ["SCAIGRID_USAGE_FLUSH_INTERVAL_S"] = "1",

            // A fixed port, so that a replica that is started after a kill has the same address.
            ["SCAIGRID_HTTP_PORT"] = $"{FreePort.Next()}",
        };
        _journals = _folder.File("data/journal");
        await ModeProcess.RunAsync(Mode.Migrate, _settings);
        _api = await Replica.StartAsync(Mode.Http, _settings);
        _admin = new ApiDriver(_api.BaseAddress, Secrets.AdminKey);
        _tenantId = (string)(await _admin.GetAsync("/v1/me")).Ok()["tenant"]!["id"]!;
    }

    public async ValueTask DisposeAsync()
    {
        _admin?.Dispose();
        await (_api?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (_client?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (_redis?.DisposeAsync() ?? ValueTask.CompletedTask);
        _folder.Dispose();
    }

    [Fact]
    public async Task FullBuffer_HoldsUpNoOtherTenant_AndWhatWaitedIsStoredOnce_AlsoAfterAKill()
    {
        var tenant = await SeededTenant.CreateAsync(_admin);
        using var other = await tenant.AddUserAsync("tenant_admin");
        await FillAsync(_tenantId);

        // The calls run concurrently, so that the journal's segments contain records of both tenants.
        await Task.WhenAll(CallAsync(_admin, 5), CallAsync(other.Api, 5));
        await WaitsInRedisAsync(tenant.Id, 5);
        await Poll.UntilAsync(async () => await MetricAsync("journal_bytes") is > 0 and var bytes && bytes == BytesOnDisk(), "the size of the journal in the metrics");
        await Poll.UntilAsync(async () => await MetricAsync("journal_lag_seconds") > 2, "the lag of the journal in the metrics");

        // Removing the buffer stands for a flush. Shipped records must not be shipped again, even from files that also hold records that Redis did not take.
        await _client.GetDatabase().KeyDeleteAsync(Pending(tenant.Id));
        await Task.WhenAll(CallAsync(_admin, 3), CallAsync(other.Api, 2));
        await WaitsInRedisAsync(tenant.Id, 2);
        Assert.Equal(UsageBuffer.MaxPending, await CountAsync(_tenantId));

        await _api.KillAsync();
        await _api.DisposeAsync();
        _api = await Replica.StartAsync(Mode.Http, _settings);
        await Task.WhenAll(CallAsync(_admin, 2), CallAsync(other.Api, 1));
        await WaitsInRedisAsync(tenant.Id, 3);
        Assert.Equal(UsageBuffer.MaxPending, await CountAsync(_tenantId));

        await _client.GetDatabase().KeyDeleteAsync(Pending(_tenantId));
        await WaitsInRedisAsync(_tenantId, 10);
        await JournalIsEmptyAsync();
        await Poll.UntilAsync(async () => (await MetricAsync("journal_bytes"), await MetricAsync("journal_lag_seconds")) is (0, < 1), "the metrics of an empty journal");
        await using var worker = await Replica.StartAsync(Mode.Worker, _settings);
        await WaitsInRedisAsync(_tenantId, 0);
        await WaitsInRedisAsync(tenant.Id, 0);
        Assert.Equal(10, await CountStoredAsync(_admin, _tenantId));
        Assert.Equal(3, await CountStoredAsync(other.Api, tenant.Id));
    }

    [Fact]
    public async Task LargeJournalOfADeadProcess_IsShippedWhole()
    {
        const int Records = 40_000;

        // Folders that cannot be locked, because their lock is a directory. They must not delay other journals or new records.
        foreach (var n in Enumerable.Range(0, 8))
        {
            Directory.CreateDirectory(_folder.File($"data/journal/journal_of-somebody-else-{n}/lock"));
        }

        var left = Directory.CreateDirectory(_folder.File("left")).FullName;
        await WriteAsync(Path.Combine(left, "0000000001.jsonl"), Records);
        var journal = _folder.File("data/journal/journal_of-a-dead-process");
        Directory.Move(left, journal);

        await WaitsInRedisAsync(_tenantId, Records);
        await JournalIsEmptyAsync();
        Assert.False(Directory.Exists(journal));
        var sum = (await _admin.GetAsync("/v1/accounting/usage/summary?group_by=model")).Ok().AsArray().Single()!;
        Assert.Equal((Records, 3L * Records), ((int)sum["request_count"]!, (long)sum["input_tokens"]!));
    }

    [Fact]
    public async Task StreamOfAKilledProcess_IsBilledOnce_ByWhatItHadUsed()
    {
        const string Word = "word ";
        const int Read = 150;
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Play("fake", new UpstreamScript { Chunks = [.. Enumerable.Repeat(Word, Read)], ChunkDelay = TimeSpan.FromMilliseconds(15) });
        var slug = await _admin.ConnectAsync(upstream.BaseUrl, "fake");

        // The note of a stream is deleted when the stream ends.
        Assert.Equal(Read, await ReadChunksAsync(slug, "stream-that-ended", int.MaxValue, () => Task.CompletedTask));
        await JournalIsEmptyAsync();

        upstream.Play("fake", new UpstreamScript { Chunks = [.. Enumerable.Repeat(Word, 10 * Read)], ChunkDelay = TimeSpan.FromMilliseconds(15) });
        await ReadChunksAsync(slug, "stream-that-was-killed", Read, _api.KillAsync);
        await _api.DisposeAsync();
        _api = await Replica.StartAsync(Mode.Http, _settings);
        await JournalIsEmptyAsync();
        await using var worker = await Replica.StartAsync(Mode.Worker, _settings);
        var rows = await _admin.UsageAsync(slug, 2);
        var (ended, killed) = (rows.Single(row => (string?)row["request_id"] == "stream-that-ended"), rows.Single(row => (string?)row["request_id"] == "stream-that-was-killed"));
        Assert.Equal(2, rows.Count);
        Assert.Equal(("ok", 11, 7, false), ((string?)ended["status"], (int)ended["tokens_in"]!, (int)ended["tokens_out"]!, (bool)ended["estimated"]!));
        Assert.Equal(("error", true), ((string?)killed["status"], (bool)killed["estimated"]!));
        Assert.InRange((int)killed["tokens_in"]!, 5, 15);
        Assert.InRange((int)killed["tokens_out"]!, 1, 10 * Read * Word.Length / 4);
    }

    [Fact]
    public async Task StreamWhoseRecordNeitherDiskNorRedisTook_IsBilledByItsNote_AfterAKill()
    {
        await using var disk = await SmallDisk.MountAsync();
        await _api.DisposeAsync();
        _settings["SCAIGRID_DATA_DIR"] = disk.Path;
        _journals = $"{disk.View}/journal";
        _api = await Replica.StartAsync(Mode.Http, _settings, disk);
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Play("fake", new UpstreamScript { Chunks = [.. Enumerable.Repeat("word ", 1000)], ChunkDelay = TimeSpan.FromMilliseconds(15) });
        var slug = await _admin.ConnectAsync(upstream.BaseUrl, "fake");
        await FillAsync(_tenantId);
        await ReadChunksAsync(slug, "stream", most: 150, () =>
        {
            disk.Fill();
            return Task.CompletedTask;
        });
        await Poll.UntilAsync(async () => await MetricAsync("in_memory") == 1, "the record in memory only");
        await _api.KillAsync();
        await _api.DisposeAsync();

        disk.Free();
        await _client.GetDatabase().KeyDeleteAsync(Pending(_tenantId));
        _api = await Replica.StartAsync(Mode.Http, _settings, disk);
        await using var worker = await Replica.StartAsync(Mode.Worker, new Dictionary<string, string>(_settings) { ["SCAIGRID_DATA_DIR"] = _folder.File("data") });
        var row = Assert.Single(await _admin.UsageAsync(slug, 1))!;
        Assert.Equal(("stream", "error"), ((string?)row["request_id"], (string?)row["status"]));
        Assert.InRange((int)row["tokens_out"]!, 1, 1250);
    }

    [Fact]
    public async Task NoteThatOutlivesItsCall_TakesNoRecordsPlace()
    {
        await CallAsync(_admin, 1);
        await WaitsInRedisAsync(_tenantId, 1);
        var value = (await _client.GetDatabase().HashValuesAsync(Pending(_tenantId))).Single();
        var shipped = JsonSerializer.Deserialize((string)value!, UsageJson.Default.UsageRecord)!;

        // As left by a process that was killed after two calls ended: the journal holds one record, the other record is already in Redis, and both notes
        // still exist.
        var left = shipped with { Id = Ids.New(Ids.Usage, TimeProvider.System), RequestId = "left" };
        using (var journal = new UsageJournal(_folder.File("left"), TimeProvider.System))
        {
            journal.Append(JournalLine.Of(left));
            foreach (var record in new[] { left, shipped })
            {
                new UsageNote(journal).Write(record with { Status = "error", TokensOut = 1000, Estimated = true }, now: 0);
            }
        }

        var folder = Directory.EnumerateDirectories(_folder.File("left/journal")).Single();
        Directory.Move(folder, Path.Combine(_journals, Path.GetFileName(folder)));
        await WaitsInRedisAsync(_tenantId, 2);
        await JournalIsEmptyAsync();
        await using var worker = await Replica.StartAsync(Mode.Worker, _settings);
        var rows = await _admin.UsageAsync(Model, 2);
        Assert.Equal(2, rows.Count);
        Assert.All(rows, row => Assert.Equal(("ok", shipped.TokensOut), ((string?)row["status"], (long)row["tokens_out"]!)));
    }

    [Fact]
    public async Task FullBufferAndFullDisk_CallsAreAnswered_AndStoredOnce_OnceThereIsRoomOnEither()
    {
        await using var disk = await SmallDisk.MountAsync();
        await _api.DisposeAsync();
        _settings["SCAIGRID_DATA_DIR"] = disk.Path;
        _journals = $"{disk.View}/journal";
        _api = await Replica.StartAsync(Mode.Http, _settings, disk);
        var tenant = await SeededTenant.CreateAsync(_admin);
        var other = await tenant.AddUserAsync("tenant_admin");
        await FillAsync(_tenantId);
        await CallAsync(_admin, 5);
        await Poll.UntilAsync(async () => await MetricAsync("journal_bytes") is > 0 and var bytes && bytes == BytesOnDisk(), "records in the backlog");

        // Room for a few more records; the last one is written incompletely.
        disk.Fill();
        disk.Free(4096);
        await Task.WhenAll(Enumerable.Repeat(0, 30).Select(_ => CallAsync(_admin, 1)).Append(CallAsync(other.Api, 3)));
        await WaitsInRedisAsync(tenant.Id, 3);
        disk.Fill();
        await CallAsync(_admin, 4);
        await CallAsync(other.Api, 3);
        await WaitsInRedisAsync(tenant.Id, 6);
        await Poll.UntilAsync(async () => await MetricAsync("in_memory") > 0, "records in memory only");

        // The disk has room again.
        disk.Free();
        await Poll.UntilAsync(async () => await MetricAsync("in_memory") == 0, "all records on the disk");
        await _api.KillAsync();
        await _api.DisposeAsync();
        _api = await Replica.StartAsync(Mode.Http, _settings, disk);
        await Poll.UntilAsync(() => Task.FromResult(Files().Count() == 2), "the dead process's records in the backlog");

        disk.Fill();
        var files = Files().Order().ToList();
        await CallAsync(_admin, 2);
        await CallAsync(other.Api, 3);
        await WaitsInRedisAsync(tenant.Id, 9);
        await Poll.UntilAsync(async () => await MetricAsync("in_memory") == 2 && await MetricAsync("journal_lag_seconds") > 3, "records in memory only");
        Assert.Equal(UsageBuffer.MaxPending, await CountAsync(_tenantId));
        Assert.Equal((1, 2), (Events("journal_failed"), Events("record_held_in_memory")));

        // Empty segments are not shipped.
        Assert.Equal(files, Files().Order());

        // Redis has room again.
        await _client.GetDatabase().KeyDeleteAsync(Pending(_tenantId));
        await WaitsInRedisAsync(_tenantId, 41);
        await JournalIsEmptyAsync();
        await Poll.UntilAsync(async () => await MetricAsync("in_memory") == 0, "no records in memory only");
        disk.Fill();
        await using (var worker = await Replica.StartAsync(Mode.Worker, new Dictionary<string, string>(_settings) { ["SCAIGRID_DATA_DIR"] = _folder.File("data") }))
        {
            await WaitsInRedisAsync(_tenantId, 0);
            await WaitsInRedisAsync(tenant.Id, 0);
        }

        Assert.Equal(41, await CountStoredAsync(_admin, _tenantId));
        Assert.Equal(9, await CountStoredAsync(other.Api, tenant.Id));

        // Neither Redis nor the disk has room when the process ends: the record is reported as lost in the log.
        await FillAsync(_tenantId);
        await CallAsync(_admin, 1);
        Assert.Equal(0, await _api.TerminateAsync());
        Assert.Equal(1, Events("record_lost"));
    }

    private int Events(string name) => _api.Output.Split('\n').Count(line => line.Contains($"\"{name}\"", StringComparison.Ordinal));

    private static async Task CallAsync(ApiDriver caller, int times)
    {
        for (var i = 0; i < times; i++)
        {
            (await caller.ChatAsync(Model)).Ok();
        }
    }

    /// <summary>Reads the text chunks of a stream, and runs an action after the last wanted one.</summary>
    private async Task<int> ReadChunksAsync(string slug, string requestId, int most, Func<Task> afterLast)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/inference/chat")
        {
            Content = new StringContent(
                $$"""{"model":"{{slug}}","stream":true,"messages":[{"role":"user","content":"hi"}]}""", System.Text.Encoding.UTF8, "application/json"),
        };
        request.Headers.Add("X-Request-Id", requestId);
        using var response = await _admin.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync());
        var chunks = 0;
        while (chunks < most && await lines.ReadLineAsync() is { } line)
        {
            chunks += line.Contains("word", StringComparison.Ordinal) ? 1 : 0;
        }

        await afterLast();
        return chunks;
    }

    /// <summary>Fills the tenant's buffer with entries while no worker runs.</summary>
    private async Task FillAsync(string tenantId)
    {
        foreach (var batch in Enumerable.Range(0, UsageBuffer.MaxPending).Chunk(10_000))
        {
            await _client.GetDatabase().HashSetAsync(Pending(tenantId), [.. batch.Select(i => new HashEntry(i, ""))]);
        }
    }

    /// <summary>Writes more than 20 MiB: records, one very long record, and the incomplete lines that a killed writer leaves.</summary>
    private async Task WriteAsync(string path, int records)
    {
        using var framed = new PooledBytes();
        for (var i = 0; i < records; i++)
        {
            var isLong = i == records / 2;
            JournalLine.Of(Record(isLong ? 5000 : 2)).WriteTo(framed);
            if (isLong)
            {
                framed.Append(new byte[200_000]);
                framed.Append("{\"id\":\"usage_"u8);
            }
        }

        framed.Append("\n{\"id\":\"usage_01"u8);
        Assert.InRange(framed.Length, 20 * 1024 * 1024, int.MaxValue);
        await File.WriteAllBytesAsync(path, framed.Memory);
    }

    private UsageRecord Record(int groups) => new()
    {
        Id = Ids.New(Ids.Usage, TimeProvider.System),
        RequestId = Ids.New(Ids.Request, TimeProvider.System),
        CreatedAt = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds() * 1000,
        PartnerId = Ids.New(Ids.Partner, TimeProvider.System),
        TenantId = _tenantId,
        UserId = Ids.New(Ids.User, TimeProvider.System),
        GroupIds = [.. Enumerable.Range(0, groups).Select(_ => Ids.New(Ids.Group, TimeProvider.System))],
        ModelId = "mdl_left",
        Model = "left/behind",
        BackendId = Ids.New(Ids.Backend, TimeProvider.System),
        Protocol = "native",
        Status = "ok",
        TokensIn = 3,
        TokensOut = 4,
        Cost = 5,
        BackendCost = 0,
        LatencyMs = 6,
    };

    private Task<TimeSpan> WaitsInRedisAsync(string tenantId, int count) =>
        Poll.UntilAsync(async () => await CountAsync(tenantId) == count, $"{count} records of {tenantId} in Redis");

    private async Task<int> CountAsync(string tenantId) => (int)await _client.GetDatabase().HashLengthAsync(Pending(tenantId));

    private static async Task<int> CountStoredAsync(ApiDriver caller, string tenantId) =>
        (await caller.UsageAsync(Model, count: 0)).Count(row => (string?)row["tenant_id"] == tenantId);

    private Task<TimeSpan> JournalIsEmptyAsync() => Poll.UntilAsync(() => Task.FromResult(BytesOnDisk() == 0), "an empty journal");

    private long BytesOnDisk() => Files().Select(path => new FileInfo(path)).Sum(file => file.Exists ? file.Length : 0);

    private IEnumerable<string> Files() => Directory.EnumerateFiles(_journals, "*.jsonl", SearchOption.AllDirectories);

    private async Task<double> MetricAsync(string name)
    {
        var line = (await _admin.GetAsync("/metrics")).Text.Split('\n').Single(line => line.StartsWith($"scaigrid_usage_{name}{{", StringComparison.Ordinal));
        return double.Parse(line[(line.IndexOf('}', StringComparison.Ordinal) + 1)..].Trim().Split(' ')[0], CultureInfo.InvariantCulture);
    }

    private static string Pending(string tenantId) => $"scaigrid:usage:{{{tenantId}}}:pending";
}
