using ScaiGrid.Core.Data;
using ScaiGrid.Tests.Platform.Data;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Batch;

/// <summary>Cancels a batch while one worker runs two of its chunks.</summary>
[Trait("needs", "services")]
public sealed class BatchCancelTests(DatabaseServer server)
{
    private const int Concurrency = 6;

    [Fact]
    public async Task ChunkThatEnds_LetsTheOtherMakeNoMoreCalls()
    {
        var (holdFirst, holdSecond) = (new TaskCompletionSource(), new TaskCompletionSource());
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Play("first", new UpstreamScript { Hold = holdFirst.Task });
        upstream.Play("second", new UpstreamScript { Delay = TimeSpan.FromMilliseconds(300) });
        using var folder = new TemporaryFolder();
        await using var redis = await RedisServer.StartAsync();
        var settings = BatchFault.Settings(await server.CreateAsync(DatabaseKind.MariaDb), redis, folder);
        settings["SCAIGRID_BATCH_CONCURRENCY"] = $"{Concurrency}";
        await ModeProcess.RunAsync(Mode.Migrate, settings);
        await using var http = await Replica.StartAsync(Mode.Http, settings);
        using var api = new ApiDriver(http.BaseAddress, Secrets.AdminKey);
        var (first, second) = (await api.ConnectAsync(upstream.BaseUrl, "first"), await api.ConnectAsync(upstream.BaseUrl, "second"));
        await using var worker = await Replica.StartAsync(Mode.Worker, settings);

        // Four lines that look like image generations fill a chunk.
        object[] lines = [.. Enumerable.Range(0, 4).Select(i => Line(i, first, "/images/generations")), .. Enumerable.Range(4, 96).Select(i => Line(i, second, "hi"))];
        var id = (string)(await api.PostAsync("/v1/inference/batch", new { input_file_base64 = Convert.ToBase64String(BatchTests.Lines(lines)) })).Created()["id"]!;
        await Poll.UntilAsync(() => Task.FromResult(upstream.CallsOf("first").Count == 4), "the first chunk's calls");
        upstream.Play("second", new UpstreamScript { Hold = holdSecond.Task });
        await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
        await Poll.UntilAsync(() => Task.FromResult(upstream.RunningChats == Concurrency), "held calls of the second chunk");
        var made = upstream.CallsOf("second").Count;
        (await api.PostAsync($"/v1/inference/batch/{id}/cancel", new { })).Ok();

        // Each chunk checks for a cancellation every two seconds.
        await Task.Delay(TimeSpan.FromSeconds(6), TestContext.Current.CancellationToken);
        holdFirst.SetResult();
        await Poll.UntilAsync(async () => (int)(await BatchFault.GetAsync(api, id))["request_counts"]!["completed"]! == 4, "the first chunk to end");
        holdSecond.SetResult();
        var batch = await BatchTests.WaitAsync(api, id);
        Assert.Equal(("cancelled", 4 + made), ((string?)batch["status"], (int)batch["request_counts"]!["completed"]!));
        Assert.Equal(made, upstream.CallsOf("second").Count);
    }

    private static object Line(int number, string model, string text) =>
        BatchTests.Line($"line-{number}", "/v1/inference/chat", new { model, messages = new[] { new { role = "user", content = text } } });
}
