using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using ScaiGrid.Core.Data;
using ScaiGrid.Core.Storage;
using ScaiGrid.Tests.Platform.Data;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Batch;

/// <summary>Batches that would never end by themselves, and the results that are kept.</summary>
public sealed class BatchRescueTests(Grid grid) : ServicesTest(grid)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    [Theory]
    [InlineData(1, "expired")]
    [InlineData(3 * 3600, "failed")]
    public async Task StepThatFailedForGood_DoesNotKeepTheBatchOpen(int secondsAfterTheWindow, string status)
    {
        var batch = await RescuedAsync(answered: 0, held: 3, secondsAfterTheWindow);
        Assert.Equal(status, (string?)batch["status"]);
        if (status == "failed")
        {
            Assert.Equal("processing_failed", (string?)batch["errors"]![0]!["code"]);
            return;
        }

        var errors = await ResultsAsync(batch["error_file_id"]!);
        Assert.Equal(["line-0", "line-1", "line-2"], errors.Select(line => (string?)line["custom_id"]));
        Assert.All(errors, line => Assert.Equal("batch_expired", (string?)line["error"]!["code"]));
    }

    [Fact]
    public async Task WhatOtherStepsAnswered_IsNotLostWithTheOneThatFailed()
    {
        // One full chunk of a hundred lines, and a second chunk.
        var batch = await RescuedAsync(answered: 100, held: 1, secondsAfterTheWindow: 3 * 3600);
        Assert.Equal(("failed", "processing_failed"), ((string?)batch["status"], (string?)batch["errors"]![0]!["code"]));
        var output = await ResultsAsync(batch["output_file_id"]!);
        Assert.Equal(Enumerable.Range(0, 100).Select(line => $"line-{line}"), output.Select(line => (string?)line["custom_id"]));
    }

    [Fact]
    public async Task WhatIsLeftOfTheResults_IsNotLostWithAChunksThatAreGone()
    {
        var batch = await RescuedAsync(answered: 200, held: 1, secondsAfterTheWindow: 3 * 3600, isFirstGone: true);
        Assert.Equal(("failed", "processing_failed"), ((string?)batch["status"], (string?)batch["errors"]![0]!["code"]));
        var output = await ResultsAsync(batch["output_file_id"]!);
        Assert.Equal(Enumerable.Range(100, 100).Select(line => $"line-{line}"), output.Select(line => (string?)line["custom_id"]));
    }

    [Fact]
    public async Task InputsUrl_IsForgottenOnceItWasFetched()
    {
        await using var server = await FakeReceiver.StartAsync();
        server.Play("input", context => context.Response.WriteAsync("not json\n"));
        var id = (string)(await Admin.PostAsync("/v1/inference/batch", new { input_file_url = $"{server.UrlOf("input")}?signature=secret" })).Created()["id"]!;
        await Poll.UntilAsync(async () => (string?)(await Admin.GetAsync($"/v1/inference/batch/{id}")).Ok()["status"] == "failed", "the batch to end");
        Assert.Equal("0", (await Services.MariaDb.RowAsync("SELECT COUNT(input_url) AS urls FROM batches WHERE id = @id", ("id", id)))["urls"]);
    }

    /// <summary>A batch that has ended: some lines were answered, the steps of the others failed for good, and the completion window is over.</summary>
    private async Task<JsonNode> RescuedAsync(int answered, int held, int secondsAfterTheWindow, bool isFirstGone = false)
    {
        var hold = new TaskCompletionSource();
        var model = $"upstream-{Guid.CreateVersion7():N}";
        Grid.Upstream.Play(model, new UpstreamScript { Hold = hold.Task });
        var slug = await Admin.ConnectAsync(Grid.Upstream.BaseUrl, model);
        var input = string.Concat(Enumerable.Range(0, answered + held).Select(line => JsonSerializer.Serialize(new
        {
            custom_id = $"line-{line}",
            method = "POST",
            url = "/v1/inference/chat",
            body = new { model = line < answered ? "scailabs/echo" : slug, messages = new[] { new { role = "user", content = "hi" } } },
        }) + "\n"));
        var id = (string)(await Admin.PostAsync("/v1/inference/batch", new { input_file_base64 = Convert.ToBase64String(Encoding.UTF8.GetBytes(input)) })).Created()["id"]!;
        JsonNode batch = null!;
        await UntilAsync(() => Grid.Upstream.CallsOf(model).Count > 0 && (int)batch["request_counts"]!["completed"]! == answered, "the first calls");
        var past = (TimeProvider.System.GetUtcNow().AddSeconds(-secondsAfterTheWindow) - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
        await Services.MariaDb.ExecuteAsync(
            "UPDATE batches SET expires_at = @past WHERE id = @id; UPDATE jobs SET state = 'dead', lease = NULL, attempts = 20 WHERE lane = @id", ("past", past), ("id", id));
        if (isFirstGone)
        {
            // An attempt that has written nothing.
            await Services.MariaDb.ExecuteAsync("UPDATE batch_chunks SET attempt = 99 WHERE batch_id = @id AND number = 0", ("id", id));
        }

        hold.SetResult();
        await UntilAsync(() => batch["ended_at"] is not null, "the batch to end");
        return batch;

        Task UntilAsync(Func<bool> condition, string what) => Poll.UntilAsync(
            async () =>
            {
                batch = (await Admin.GetAsync($"/v1/inference/batch/{id}")).Ok();
                return condition();
            },
            what,
            Patience);
    }

    private async Task<List<JsonNode>> ResultsAsync(JsonNode fileId) =>
        [.. (await Admin.GetAsync($"/v1/files/{fileId}/content")).Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];
}

/// <summary>Files and batches are deleted when their retention period is over.</summary>
[Trait("needs", "services")]
public sealed class FileRetentionTests(DatabaseServer server)
{
    [Theory]
    [InlineData(DatabaseKind.Sqlite)]
    [InlineData(DatabaseKind.MariaDb)]
    public async Task OldFilesAndBatches_AreRemoved_AndYoungOnesKept(DatabaseKind kind)
    {
        using var folder = new TemporaryFolder();
        await using var redis = await RedisServer.StartAsync();
        var database = await server.CreateAsync(kind);
        var settings = new Dictionary<string, string>
        {
            ["SCAIGRID_DATABASE_URL"] = database.Url,
            ["SCAIGRID_REDIS_URL"] = redis.Url,
            ["SCAIGRID_SECRET_KEY"] = Secrets.SecretKey,
            ["SCAIGRID_BOOTSTRAP_API_KEY"] = Secrets.AdminKey,
            ["SCAIGRID_STORAGE_PATH"] = folder.File("blobs"),
            ["SCAIGRID_DATA_DIR"] = folder.File("data"),
        };
        await ModeProcess.RunAsync(Mode.Migrate, settings);
        await using var http = await Replica.StartAsync(Mode.Http, settings);
        using var api = new ApiDriver(http.BaseAddress, Secrets.AdminKey);
        var line = Convert.ToBase64String("""{"custom_id":"a","method":"POST","url":"/v1/users","body":{}}"""u8);
        var kept = (string)(await api.PostAsync("/v1/inference/batch", new { input_file_base64 = line })).Created()["input_file_id"]!;
        var view = (await api.GetAsync($"/v1/files/{kept}")).Ok();
        Assert.Equal(TimeSpan.FromDays(30), (DateTimeOffset)view["expires_at"]! - (DateTimeOffset)view["created_at"]!);

        // Copies with old ids: an id begins with the time of its creation.
        const string Old = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
        await database.ExecuteAsync(
            $"INSERT INTO files (id, tenant_id, user_id, filename, purpose, bytes, blob_key, created_at) SELECT 'file_{Old}', tenant_id, user_id, filename, purpose, bytes, 'files/t/file_{Old}', 1 FROM files");

        // Bytes that cannot be deleted, because their key is not valid. The older id makes them the first.
        await database.ExecuteAsync(
            $"INSERT INTO files (id, tenant_id, user_id, filename, purpose, bytes, blob_key, created_at) SELECT 'file_{Old[..^1]}T', tenant_id, user_id, filename, purpose, bytes, '../stuck', 1 FROM files WHERE created_at > 1");

        // Results of the old batch: their id contains the batch's time, but they were created later.
        await database.ExecuteAsync(
            $"INSERT INTO files (id, tenant_id, user_id, filename, purpose, bytes, blob_key, created_at) SELECT 'file_{Old[..^1]}W', tenant_id, user_id, filename, 'batch_output', bytes, 'files/t/file_{Old[..^1]}W', created_at FROM files WHERE created_at > 1");
        await database.ExecuteAsync(Batch($"batch_{Old}", "completed", "2"));
        await database.ExecuteAsync(Batch($"batch_{Old[..^1]}W", "in_progress", "NULL"));
        await database.ExecuteAsync($"INSERT INTO batch_chunks (batch_id, number, attempt, completed, failed) VALUES ('batch_{Old}', 0, 1, 1, 0)");

        var blobs = new DiskBlobStore(folder.File("blobs"), TimeProvider.System, NullLogger<DiskBlobStore>.Instance);
        string[] keys = [$"files/t/file_{Old}", $"files/t/file_{Old[..^1]}W"];
        foreach (var key in keys)
        {
            using var bytes = new MemoryStream("{}"u8.ToArray());
            await blobs.WriteAsync(key, bytes, TestContext.Current.CancellationToken);
        }

        await using var worker = await Replica.StartAsync(Mode.Worker, settings);
        await Poll.UntilAsync(async () => (await database.QueryAsync("SELECT COUNT(*) FROM batch_chunks WHERE batch_id LIKE 'batch_01ARZ%'")).Single() == "0", "the old batch to be deleted");
        Assert.Equal([$"batch_{Old[..^1]}W"], await database.QueryAsync("SELECT id FROM batches WHERE id LIKE 'batch_01ARZ%'"));
        await Poll.UntilAsync(async () => (await database.QueryAsync($"SELECT COUNT(*) FROM files WHERE id = 'file_{Old}'")).Single() == "0", "the old file to be deleted");
        (await api.GetAsync($"/v1/files/file_{Old[..^1]}T")).Ok();
        (await api.GetAsync($"/v1/files/file_{Old}")).Error(404, "NOT_FOUND");
        Assert.Equal([keys[1]], (await blobs.ListAsync("files/t/", after: null, 10, TestContext.Current.CancellationToken)).Items.Select(blob => blob.Key));
        (await api.GetAsync($"/v1/files/file_{Old[..^1]}W")).Ok();
        Assert.Equal(200, (int)(await api.GetAsync($"/v1/files/{kept}/content")).Status);
    }

    private static string Batch(string id, string status, string endedAt) =>
        $"""
        INSERT INTO batches (id, tenant_id, partner_id, user_id, surface, completion_window, price_percent, status, total, completed, failed, chunks, chunks_done, metadata, created_at, expires_at, ended_at)
        SELECT '{id}', tenant_id, 'prt_x', user_id, 'native', '24h', 50, '{status}', 1, 1, 0, 1, 1, '{"{}"}', 1, 2, {endedAt} FROM files LIMIT 1
        """;
}
