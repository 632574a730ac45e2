using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ScaiGrid.Core.Data;
using ScaiGrid.Platform.Data;
using ScaiGrid.Tests.Platform.Data;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Batch;

/// <summary>A batch and two workers, one of which is killed halfway.</summary>
[Trait("needs", "services")]
public sealed class BatchFaultTests(DatabaseServer server)
{
    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task WorkerThatIsKilled_LeavesEachLineAnsweredAndBilledOnce(DatabaseKind kind)
    {
        const int Lines = 1000;
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Play("batch", new UpstreamScript { Delay = TimeSpan.FromMilliseconds(10) });
        await BatchFault.RunAsync(await server.CreateAsync(kind), Lines, killAfter: 100, concurrency: 2, upstream);

        // The calls that the killed worker had completed but not saved were made again, and must not be billed again.
        Assert.True(upstream.CallsOf("batch").Count > Lines, "No call was made twice.");
    }

    [Fact]
    public async Task LineThatADrainCutsOff_IsTheNextWorkers_AtItsLastTryToo()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Play("batch", new UpstreamScript { Status = 500 });
        using var folder = new TemporaryFolder();
        await using var redis = await RedisServer.StartAsync();
        var settings = BatchFault.Settings(await server.CreateAsync(DatabaseKind.MariaDb), redis, folder);
        settings["SCAIGRID_DRAIN_TIMEOUT_S"] = "1";
        await ModeProcess.RunAsync(Mode.Migrate, settings);
        await using var http = await Replica.StartAsync(Mode.Http, settings);
        using var api = new ApiDriver(http.BaseAddress, Secrets.AdminKey);
        var model = await api.ConnectAsync(upstream.BaseUrl, "batch");
        await using var first = await Replica.StartAsync(Mode.Worker, settings);
        var id = await BatchFault.SubmitAsync(api, lines: 1, model);
        await Poll.UntilAsync(() => Task.FromResult(upstream.CallsOf("batch").Count == 2), "two failed attempts");
        var hold = new TaskCompletionSource();
        upstream.Play("batch", new UpstreamScript { Hold = hold.Task });
        await Poll.UntilAsync(() => Task.FromResult(upstream.CallsOf("batch").Count == 3), "a third attempt");
        await first.TerminateAsync();

        hold.SetResult();
        await using var second = await Replica.StartAsync(Mode.Worker, settings);
        JsonNode batch = null!;
        await Poll.UntilAsync(async () => (batch = await BatchFault.GetAsync(api, id))["ended_at"] is not null, "the batch to end");
        Assert.True((int)batch["request_counts"]!["completed"]! == 1, batch.ToJsonString());
    }

    [Fact]
    public async Task WhatADrainingWorkerHasAnswered_HoweverLong_IsNotCalledAgain()
    {
        // Escaped in the results, which doubles its length.
        var text = new string('\u2028', 12 * 1024 * 1024);
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Play("quick", new UpstreamScript());
        upstream.Play("long", new UpstreamScript
        {
            Body = $$$"""
                {"id":"x","object":"chat.completion","created":1,"model":"m",
                 "choices":[{"index":0,"message":{"role":"assistant","content":"{{{text}}}"},"finish_reason":"stop"}],
                 "usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}
                """,
        });
        var hold = new TaskCompletionSource();
        upstream.Play("held", new UpstreamScript { Hold = hold.Task });
        using var folder = new TemporaryFolder();
        await using var redis = await RedisServer.StartAsync();
        var settings = BatchFault.Settings(await server.CreateAsync(DatabaseKind.MariaDb), redis, folder);
        settings["SCAIGRID_DRAIN_TIMEOUT_S"] = "10";
        await ModeProcess.RunAsync(Mode.Migrate, settings);
        await using var http = await Replica.StartAsync(Mode.Http, settings);
        using var api = new ApiDriver(http.BaseAddress, Secrets.AdminKey);
        string[] models = [await api.ConnectAsync(upstream.BaseUrl, "quick"), await api.ConnectAsync(upstream.BaseUrl, "long"), await api.ConnectAsync(upstream.BaseUrl, "held")];
        await using var first = await Replica.StartAsync(Mode.Worker, settings);
        var id = await BatchFault.SubmitAsync(api, models);

        // A response that the upstream has sent is not necessarily read by the worker, nor written to the results.
        using var work = new ApiDriver(first.BaseAddress, Secrets.AdminKey);
        await Poll.UntilAsync(
            async () => upstream.Calls.Count == 3 && await BatchFault.CallingAsync(work) == 1
                && Directory.EnumerateFiles(folder.File("data/batches")).Sum(file => new FileInfo(file).Length) > 6 * text.Length,
            "two answers");
        await first.TerminateAsync();

        hold.SetResult();
        await using var second = await Replica.StartAsync(Mode.Worker, settings);
        JsonNode batch = null!;
        await Poll.UntilAsync(async () => (batch = await BatchFault.GetAsync(api, id))["ended_at"] is not null, "the batch to end");
        Assert.True((int)batch["request_counts"]!["completed"]! == 3, batch.ToJsonString());
        Assert.Equal((1, 1, 2), (upstream.CallsOf("quick").Count, upstream.CallsOf("long").Count, upstream.CallsOf("held").Count));
    }

    [Fact]
    public async Task AnswerThatTheFullDiskDoesNotTake_IsKeptUntilItDoes()
    {
        var hold = new TaskCompletionSource();
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Play("held", new UpstreamScript { Hold = hold.Task });
        using var folder = new TemporaryFolder();
        await using var redis = await RedisServer.StartAsync();
        await using var disk = await SmallDisk.MountAsync();
        var settings = BatchFault.Settings(await server.CreateAsync(DatabaseKind.MariaDb), redis, folder);
        await ModeProcess.RunAsync(Mode.Migrate, settings);
        await using var http = await Replica.StartAsync(Mode.Http, settings);
        using var api = new ApiDriver(http.BaseAddress, Secrets.AdminKey);
        var model = await api.ConnectAsync(upstream.BaseUrl, "held");
        await using var worker = await Replica.StartAsync(Mode.Worker, new Dictionary<string, string>(settings) { ["SCAIGRID_DATA_DIR"] = disk.Path }, disk);
        var id = await BatchFault.SubmitAsync(api, lines: 1, model);
        await Poll.UntilAsync(() => Task.FromResult(upstream.RunningChats == 1), "the call");
        disk.Fill();
        hold.SetResult();
        await Poll.UntilAsync(() => Task.FromResult(worker.Output.Contains("cannot be written to the data folder", StringComparison.Ordinal)), "the disk to refuse the answer");
        disk.Free();
        JsonNode batch = null!;
        await Poll.UntilAsync(async () => (batch = await BatchFault.GetAsync(api, id))["ended_at"] is not null, "the batch to end");
        Assert.Equal((1, 1), ((int)batch["request_counts"]!["completed"]!, upstream.Calls.Count));
    }

    [Fact]
    public async Task ChunkTakenOverWhileTheDiskIsFull_WaitsForRoom_AndUsesNoAttempt()
    {
        var hold = new TaskCompletionSource();
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Play("quick", new UpstreamScript());
        upstream.Play("held", new UpstreamScript { Hold = hold.Task });
        using var folder = new TemporaryFolder();
        await using var redis = await RedisServer.StartAsync();
        await using var disk = await SmallDisk.MountAsync();
        var database = await server.CreateAsync(DatabaseKind.MariaDb);
        var settings = BatchFault.Settings(database, redis, folder);
        await ModeProcess.RunAsync(Mode.Migrate, settings);
        await using var http = await Replica.StartAsync(Mode.Http, settings);
        using var api = new ApiDriver(http.BaseAddress, Secrets.AdminKey);
        string[] models = [await api.ConnectAsync(upstream.BaseUrl, "quick"), await api.ConnectAsync(upstream.BaseUrl, "held")];
        await using var first = await Replica.StartAsync(Mode.Worker, settings);
        var id = await BatchFault.SubmitAsync(api, models);
        await Poll.UntilAsync(() => Task.FromResult(BatchFault.HasNotes(folder)), "the first result to be saved");
        await using var second = await Replica.StartAsync(Mode.Worker, new Dictionary<string, string>(settings) { ["SCAIGRID_DATA_DIR"] = disk.Path }, disk);
        disk.Fill();
        await first.KillAsync();
        await Poll.UntilAsync(() => Task.FromResult(second.Output.Contains("cannot be opened in the data folder", StringComparison.Ordinal)), "the disk to refuse the saved result");
        Assert.Equal("2", (await database.QueryAsync("SELECT attempts FROM jobs WHERE queue = 'batches'")).Single());
        hold.SetResult();
        disk.Free();
        JsonNode batch = null!;
        await Poll.UntilAsync(async () => (batch = await BatchFault.GetAsync(api, id))["ended_at"] is not null, "the batch to end");
        Assert.Equal((2, 1), ((int)batch["request_counts"]!["completed"]!, upstream.CallsOf("quick").Count));
        Assert.DoesNotContain("failed", second.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ChunkWhoseInputIsGone_LosesNoSavedResult()
    {
        var hold = new TaskCompletionSource();
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Play("quick", new UpstreamScript());
        upstream.Play("held", new UpstreamScript { Hold = hold.Task });
        using var folder = new TemporaryFolder();
        await using var redis = await RedisServer.StartAsync();
        var database = await server.CreateAsync(DatabaseKind.MariaDb);
        var settings = BatchFault.Settings(database, redis, folder);
        await ModeProcess.RunAsync(Mode.Migrate, settings);
        await using var http = await Replica.StartAsync(Mode.Http, settings);
        using var api = new ApiDriver(http.BaseAddress, Secrets.AdminKey);
        string[] models = [await api.ConnectAsync(upstream.BaseUrl, "quick"), await api.ConnectAsync(upstream.BaseUrl, "held")];
        await using var first = await Replica.StartAsync(Mode.Worker, settings);
        var id = await BatchFault.SubmitAsync(api, models);
        await Poll.UntilAsync(() => Task.FromResult(BatchFault.HasNotes(folder)), "the first result to be saved");
        await first.KillAsync();
        File.Delete(Directory.EnumerateFiles(BatchFault.Chunks(folder), "in.b", SearchOption.AllDirectories).Single());
        await database.ExecuteAsync("UPDATE batches SET expires_at = 1; UPDATE jobs SET state = 'dead', lease = NULL WHERE queue = 'batches'");

        await using var second = await Replica.StartAsync(Mode.Worker, settings);
        JsonNode batch = null!;
        await Poll.UntilAsync(async () => (batch = await BatchFault.GetAsync(api, id))["ended_at"] is not null, "the batch to end");
        Assert.Equal(("failed", 1), ((string?)batch["status"], (int)batch["request_counts"]!["completed"]!));
        var line = Assert.Single((await api.GetAsync($"/v1/files/{batch["output_file_id"]}/content")).Text.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal("line-0", (string?)JsonNode.Parse(line)!["custom_id"]);
        hold.SetResult();
    }

    [Fact]
    public async Task WorkerThatWaitsForItsFirstSnapshot_DoesNotWaitForTheWholeDrain()
    {
        using var folder = new TemporaryFolder();
        await using var redis = await RedisServer.StartAsync();
        var database = await server.CreateAsync(DatabaseKind.MariaDb);
        var settings = BatchFault.Settings(database, redis, folder);
        await ModeProcess.RunAsync(Mode.Migrate, settings);
        await using var http = await Replica.StartAsync(Mode.Http, settings);
        using var api = new ApiDriver(http.BaseAddress, Secrets.AdminKey);
        await BatchFault.SubmitAsync(api, lines: 1, "scailabs/echo");

        // No snapshot can be loaded while another connection locks the table, and the data folder has none.
        await using var holder = await database.Address.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = holder.CreateCommand();
        command.CommandText = "LOCK TABLES models WRITE";
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        await using var worker = await ModeProcess.StartAsync(Mode.Worker, new Dictionary<string, string>(settings) { ["SCAIGRID_DATA_DIR"] = folder.File("other") });
        await Poll.UntilAsync(
            async () => (await database.QueryAsync("SELECT COUNT(*) FROM jobs WHERE lease IS NOT NULL AND payload LIKE '%\"run\"%'")).Single() == "1", "the worker to claim the chunk");
        var startedAt = Stopwatch.GetTimestamp();
        await worker.TerminateAsync();
        Assert.InRange(Stopwatch.GetElapsedTime(startedAt), TimeSpan.Zero, TimeSpan.FromSeconds(30));
    }
}

[Trait("lane", "long")]
[Trait("needs", "services")]
public sealed class LargeBatchFaultTests(DatabaseServer server)
{
    [Fact]
    public async Task TenThousandLines_AreEachAnsweredAndBilledOnce() =>
        await BatchFault.RunAsync(await server.CreateAsync(DatabaseKind.MariaDb), lines: 10_000, killAfter: 5000, concurrency: 8);
}

internal static class BatchFault
{
    /// <param name="database">A new database.</param>
    /// <param name="lines">The number of lines of the batch.</param>
    /// <param name="killAfter">The number of completed lines after which a worker is killed.</param>
    /// <param name="concurrency">The calls of one worker at the same time.</param>
    /// <param name="upstream">The upstream of the model <c>batch</c>; null for the echo model.</param>
    public static async Task RunAsync(TestDatabase database, int lines, int killAfter, int concurrency, FakeUpstream? upstream = null)
    {
        using var folder = new TemporaryFolder();
        await using var redis = await RedisServer.StartAsync();
        var settings = Settings(database, redis, folder);
        settings["SCAIGRID_BATCH_CONCURRENCY"] = $"{concurrency}";
        await ModeProcess.RunAsync(Mode.Migrate, settings);
        await using var http = await Replica.StartAsync(Mode.Http, settings);
        using var api = new ApiDriver(http.BaseAddress, Secrets.AdminKey);

        // Created before the workers start, so that they know both from their first call on.
        var budget = await AddBudgetAsync(api);
        var model = upstream is null ? "scailabs/echo" : await api.ConnectAsync(upstream.BaseUrl, "batch");
        await using var doomed = await Replica.StartAsync(Mode.Worker, settings);
        await using var survivor = await Replica.StartAsync(Mode.Worker, settings);
        var id = await SubmitAsync(api, lines, model);

        // A call of the echo model is too short to be observed.
        using var work = new ApiDriver(doomed.BaseAddress, Secrets.AdminKey);
        await Poll.UntilAsync(
            async () => Completed(await GetAsync(api, id)) >= killAfter && (upstream is null || await CallingAsync(work) > 0),
            "half of the lines, and a call in flight on the worker to be killed");
        await doomed.KillAsync();
        Assert.True(Completed(await GetAsync(api, id)) < lines, "The batch was over before the kill.");

        for (var i = 0; i < 600 && (string?)(await GetAsync(api, id))["status"] is "in_progress" or "finalizing"; i++)
        {
            await Task.Delay(500, TestContext.Current.CancellationToken);
        }

        var batch = await GetAsync(api, id);
        Assert.True((string?)batch["status"] == "completed", batch.ToJsonString());
        Assert.Equal(lines, Completed(batch));
        var output = (await api.GetAsync($"/v1/files/{batch["output_file_id"]}/content")).Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(lines, output.Length);
        Assert.Equal(lines, output.Select(line => (string?)JsonNode.Parse(line)!["custom_id"]).Distinct().Count());

        // The budget counts every line once, although some calls were made twice.
        JsonNode state = null!;
        await Poll.UntilAsync(
            async () =>
            {
                state = (await api.GetAsync($"/v1/accounting/budgets/{budget}")).Ok();
                return (int)state["reserved"]!["requests"]! == 0;
            },
            "the reservations to be settled");
        Assert.Equal(lines, (int)state["usage"]!["requests"]!);

        // Every line is billed exactly once: the request ids identify the lines.
        await Poll.UntilAsync(
            async () => (await database.QueryAsync("SELECT COUNT(*) FROM usage_records")).Single() == $"{lines}", "all usage rows");
        await Task.Delay(TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken);
        Assert.Equal([$"{lines}"], await database.QueryAsync("SELECT COUNT(*) FROM usage_records"));
        Assert.Equal([$"{lines}"], await database.QueryAsync("SELECT COUNT(DISTINCT request_id) FROM usage_records"));
    }

    public static Dictionary<string, string> Settings(TestDatabase database, RedisServer redis, TemporaryFolder folder) => new()
    {
        ["SCAIGRID_DATABASE_URL"] = database.Url,
        ["SCAIGRID_REDIS_URL"] = redis.Url,
        ["SCAIGRID_SECRET_KEY"] = Secrets.SecretKey,
        ["SCAIGRID_BOOTSTRAP_API_KEY"] = Secrets.AdminKey,
        ["SCAIGRID_STORAGE_PATH"] = folder.File("blobs"),
        ["SCAIGRID_DATA_DIR"] = folder.File("data"),
        ["SCAIGRID_USAGE_FLUSH_INTERVAL_S"] = "1",
        ["SCAIGRID_JOB_LEASE_S"] = "5",
    };

    /// <summary>The folder of the chunks' blobs.</summary>
    public static string Chunks(TemporaryFolder folder) => folder.File("blobs/blobs/batches.d");

    /// <summary>Whether results of a running chunk have been saved.</summary>
    public static bool HasNotes(TemporaryFolder folder) => Directory.Exists(Chunks(folder))
        && Directory.EnumerateDirectories(Chunks(folder), "notes.d", SearchOption.AllDirectories).Any(notes => Directory.EnumerateFiles(notes).Any());

    public static Task<string> SubmitAsync(ApiDriver api, int lines, string model) => SubmitAsync(api, [.. Enumerable.Repeat(model, lines)]);

    /// <param name="api">The owner of the batch.</param>
    /// <param name="models">The model of each line.</param>
    public static async Task<string> SubmitAsync(ApiDriver api, IReadOnlyList<string> models) =>
        (string)(await api.PostAsync("/v1/inference/batch", new { input_file_base64 = Convert.ToBase64String(Input(models)) })).Created()["id"]!;

    /// <summary>The number of upstream calls that a worker has in flight.</summary>
    public static async Task<int> CallingAsync(ApiDriver worker) => (await worker.GetAsync("/metrics")).Text.Split('\n')
        .Where(line => line.StartsWith("scaigrid_backend_inflight_requests{", StringComparison.Ordinal))
        .Sum(line => int.Parse(line.AsSpan(line.LastIndexOf(' ') + 1), CultureInfo.InvariantCulture));

    private static async Task<string> AddBudgetAsync(ApiDriver api) =>
        (string)(await api.PostAsync("/v1/accounting/budgets", new { scope = "tenant", period = "total", request_limit = 1_000_000 })).Created()["id"]!;

    public static async Task<JsonNode> GetAsync(ApiDriver api, string id) => (await api.GetAsync($"/v1/inference/batch/{id}")).Ok();

    private static int Completed(JsonNode batch) => (int)batch["request_counts"]!["completed"]!;

    private static byte[] Input(IReadOnlyList<string> models)
    {
        var input = new StringBuilder();
        for (var i = 0; i < models.Count; i++)
        {
            input.Append(JsonSerializer.Serialize(new
            {
                custom_id = $"line-{i}",
                method = "POST",
                url = "/v1/inference/chat",
                body = new { model = models[i], messages = new[] { new { role = "user", content = $"line {i}" } } },
            })).Append('\n');
        }

        return Encoding.UTF8.GetBytes(input.ToString());
    }
}
