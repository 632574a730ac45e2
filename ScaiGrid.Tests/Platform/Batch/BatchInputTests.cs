using Microsoft.Extensions.Logging.Abstractions;
using ScaiGrid.Core.Data;
using ScaiGrid.Core.Storage;
using ScaiGrid.Tests.Platform.Data;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Batch;

/// <summary>When the input of a batch is stored, and how often.</summary>
[Trait("needs", "services")]
public sealed class BatchInputTests(DatabaseServer server)
{
    [Fact]
    public async Task InputThatAnotherWorkerStored_IsNotFetchedAgain()
    {
        using var folder = new TemporaryFolder();
        await using var redis = await RedisServer.StartAsync();
        var settings = BatchFault.Settings(await server.CreateAsync(DatabaseKind.MariaDb), redis, folder);
        settings["SCAIGRID_BATCH_ALLOW_PRIVATE"] = "true";
        await ModeProcess.RunAsync(Mode.Migrate, settings);
        await using var http = await Replica.StartAsync(Mode.Http, settings);
        using var admin = new ApiDriver(http.BaseAddress, Secrets.AdminKey);
        await using var source = await FakeReceiver.StartAsync();
        var asked = 0;
        source.Play("input", context =>
        {
            Interlocked.Increment(ref asked);
            return context.Response.Body.WriteAsync(BatchTests.Lines(BatchTests.Line("one", "/v1/inference/chat", BatchTests.Chat("scailabs/echo")))).AsTask();
        });

        // The first worker stores the input, and never learns it.
        await using var proxy = new DatabaseProxy(settings["SCAIGRID_DATABASE_URL"], "INSERT INTO `files`");
        await using var first = await Replica.StartAsync(Mode.Worker, new Dictionary<string, string>(settings) { ["SCAIGRID_DATABASE_URL"] = proxy.Url });
        var id = (string)(await admin.PostAsync("/v1/inference/batch", new { input_file_url = source.UrlOf("input") })).Created()["id"]!;
        await Poll.UntilAsync(() => Task.FromResult(proxy.Cuts == 1), "the input to be stored");
        await first.KillAsync();

        await using var second = await Replica.StartAsync(Mode.Worker, settings);
        var batch = await BatchTests.WaitAsync(admin, id);
        Assert.Equal(("completed", 1), ((string?)batch["status"], (int)batch["request_counts"]!["completed"]!));
        Assert.Equal(1, asked);
    }

    /// <summary>The first chunk is stored before the rest of the input is read.</summary>
    [Theory]
    [InlineData("failed")]
    [InlineData("cancelled")]
    public async Task ChunksOfABatchThatEndsBeforeItsFirstCall_AreDeleted(string status)
    {
        using var folder = new TemporaryFolder();
        await using var redis = await RedisServer.StartAsync();
        var settings = BatchFault.Settings(await server.CreateAsync(DatabaseKind.MariaDb), redis, folder);
        settings["SCAIGRID_BATCH_ALLOW_PRIVATE"] = "true";
        await ModeProcess.RunAsync(Mode.Migrate, settings);
        await using var http = await Replica.StartAsync(Mode.Http, settings);
        await using var worker = await Replica.StartAsync(Mode.Worker, settings);
        using var admin = new ApiDriver(http.BaseAddress, Secrets.AdminKey);
        await using var source = await FakeReceiver.StartAsync();
        var (isAsked, mayAnswer) = (new TaskCompletionSource(), new TaskCompletionSource());
        source.Play("input", async context =>
        {
            isAsked.TrySetResult();
            await mayAnswer.Task;
            object[] lines = [.. Enumerable.Range(0, 150).Select(line => BatchTests.Line($"line-{line}", "/v1/inference/chat", BatchTests.Chat("scailabs/echo")))];
            await context.Response.Body.WriteAsync(BatchTests.Lines(status == "failed" ? [.. lines, lines[0]] : lines));
        });

        var id = (string)(await admin.PostAsync("/v1/inference/batch", new { input_file_url = source.UrlOf("input") })).Created()["id"]!;
        await isAsked.Task.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        if (status == "cancelled")
        {
            (await admin.PostAsync($"/v1/inference/batch/{id}/cancel", new { })).Ok();
        }

        using var chunks = new FileSystemWatcher(Directory.CreateDirectory(BatchFault.Chunks(folder)).FullName) { IncludeSubdirectories = true };
        var written = new TaskCompletionSource();
        chunks.Renamed += (_, _) => written.TrySetResult();
        chunks.Created += (_, _) => written.TrySetResult();
        chunks.EnableRaisingEvents = true;
        mayAnswer.SetResult();
        Assert.Equal(status, (string?)(await BatchTests.WaitAsync(admin, id))["status"]);
        await written.Task.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);

        // The store deletes empty folders.
        await Poll.UntilAsync(() => Task.FromResult(!Directory.Exists(BatchFault.Chunks(folder))), "the chunks to be deleted");
    }

    [Fact]
    public async Task InlineInputOfABatchThatIsRefused_IsNotStored()
    {
        using var folder = new TemporaryFolder();
        await using var redis = await RedisServer.StartAsync();
        var settings = BatchFault.Settings(await server.CreateAsync(DatabaseKind.Sqlite), redis, folder);
        settings["SCAIGRID_OPEN_BATCHES_PER_TENANT"] = "1";
        await ModeProcess.RunAsync(Mode.Migrate, settings);
        await using var http = await Replica.StartAsync(Mode.Http, settings);
        using var admin = new ApiDriver(http.BaseAddress, Secrets.AdminKey);
        var blobs = new DiskBlobStore(folder.File("blobs"), TimeProvider.System, NullLogger<DiskBlobStore>.Instance);

        // Without a worker, it does not end.
        (await AddAsync()).Created();
        (await AddAsync()).Error(429, "QUOTA_EXCEEDED");
        Assert.Single((await blobs.ListAsync("files/", after: null, 100, TestContext.Current.CancellationToken)).Items);

        Task<Answer> AddAsync() => admin.PostAsync("/v1/inference/batch", new { input_file_base64 = "e30K" });
    }
}
