using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Batch;

/// <summary>Batches whose calls have to wait.</summary>
public sealed class BatchWaitTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task BatchesThatWait_HoldUpNoOther_AndRepeatNoAnsweredCall()
    {
        const string Path = "/v1/inference/chat";
        var answering = await ConnectAsync(new UpstreamScript(), out var answeringModel);
        var limited = await ConnectAsync(new UpstreamScript { Status = 429, Headers = new Dictionary<string, string> { ["Retry-After"] = "20" } }, out var limitedModel);

        // More chunks than the worker runs at the same time, each with one line that is answered.
        object[] lines = [.. Enumerable.Range(0, 300).Select(line => BatchTests.Line($"line-{line}", Path, BatchTests.Chat(line % 100 == 0 ? answering : limited)))];
        string[] waiting = [await SubmitAsync(lines), await SubmitAsync(lines), await SubmitAsync(lines)];
        await Poll.UntilAsync(() => Task.FromResult(Grid.Upstream.CallsOf(answeringModel).Count >= 8), "the chunks to begin");
        var other = await BatchTests.WaitAsync(Admin, await SubmitAsync(BatchTests.Line("other", Path, BatchTests.Chat("scailabs/echo"))));
        Assert.Equal(1, (int)other["request_counts"]!["completed"]!);

        Grid.Upstream.Play(limitedModel, new UpstreamScript());
        foreach (var id in waiting)
        {
            Assert.Equal(300, (int)(await BatchTests.WaitAsync(Admin, id))["request_counts"]!["completed"]!);
        }

        Assert.Equal(9, Grid.Upstream.CallsOf(answeringModel).Count);
    }

    [Fact]
    public async Task ModelWithoutABackend_IsWaitedFor()
    {
        var slug = await ConnectAsync(new UpstreamScript(), out _);
        var path = $"/v1/models/{Uri.EscapeDataString(slug)}/routing";
        var targets = (await Admin.GetAsync(path)).Ok()["targets"]!.DeepClone();
        (await Admin.PutAsync(path, new { targets = Array.Empty<object>() })).Ok();
        var id = await SubmitAsync(BatchTests.Line("patient", "/v1/inference/chat", BatchTests.Chat(slug)));

        // Longer than the three tries of a call that fails.
        await Task.Delay(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        (await Admin.PutAsync(path, new { targets })).Ok();
        Assert.Equal(1, (int)(await BatchTests.WaitAsync(Admin, id))["request_counts"]!["completed"]!);
    }

    /// <summary>Qwen accepts 10 texts per request. The second slice fails at the line's first try.</summary>
    [Theory]
    [InlineData("limit_requests", "ok", 75)]
    [InlineData("internal_error", "ok", 75)]
    [InlineData("data_inspection_failed", "error", 30)]
    public async Task LineThatFailsHalfway_IsBilledOnce_ForItsLastTry(string failure, string status, int tokens)
    {
        await using var qwen = await FakeVendor.StartAsync();
        var failures = 0;
        qwen.At("/compatible-mode/v1/embeddings", call =>
        {
            var texts = JsonNode.Parse(call.Body)!["input"]!.AsArray();
            var vectors = string.Join(',', texts.Select(_ => """{"embedding":[1]}"""));
            return (string?)texts[0] == "10" && failures++ == 0
                ? $$$"""{"error":{"message":"not now","code":"{{{failure}}}"}}"""
                : $$$"""{"data":[{{{vectors}}}],"usage":{"prompt_tokens":{{{texts.Count * 3}}},"total_tokens":{{{texts.Count * 3}}}}}""";
        });
        var slug = await qwen.ConnectAsync(Admin, "qwen", "embedding", "/compatible-mode/v1");
        var input = Enumerable.Range(0, 25).Select(number => $"{number}");
        var batch = await BatchTests.WaitAsync(Admin, await SubmitAsync(BatchTests.Line("sliced", "/v1/inference/embed", new { model = slug, input })));
        Assert.Equal(status == "ok" ? 1 : 0, (int)batch["request_counts"]!["completed"]!);
        var row = Assert.Single(await Admin.UsageAsync(slug, 1));
        Assert.Equal((status, tokens), ((string?)row["status"], (int)row["tokens_in"]!));
    }

    private async Task<string> SubmitAsync(params object[] lines) => (string)(await Admin.PostAsync(
        "/v1/inference/batch", new { input_file_base64 = Convert.ToBase64String(BatchTests.Lines(lines)) })).Created()["id"]!;
}
