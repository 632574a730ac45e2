using System.Diagnostics;
using System.Text;
using System.Text.Json;
using ScaiGrid.Tests.Platform.Snapshot;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>How soon the upstream notices that the caller has disconnected.</summary>
[Collection(TimedTests.Name)]
public sealed class CallerLeavesTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task CallerLeaves_UpstreamSeesItWithinASecond_AndUsageIsSettled()
    {
        var slug = await ConnectAsync(new UpstreamScript { Chunks = [.. Enumerable.Repeat("word ", 1000)], ChunkDelay = TimeSpan.FromMilliseconds(50) }, out var upstreamModel);
        long leftAt;
        using (var stream = await Admin.StreamAsync(slug))
        {
            for (var i = 0; i < 5; i++)
            {
                await stream.NextAsync();
            }

            leftAt = Stopwatch.GetTimestamp();
        }

        var call = Assert.Single(Grid.Upstream.CallsOf(upstreamModel));
        await Poll.UntilAsync(() => Task.FromResult(call.AbortedAt != 0), "the upstream's call to be cut");
        Assert.InRange(Stopwatch.GetElapsedTime(leftAt, call.AbortedAt), TimeSpan.FromSeconds(-1), TimeSpan.FromSeconds(1));
        var row = Assert.Single(await Admin.UsageAsync(slug, 1));
        Assert.Equal("cancelled", (string?)row["status"]);
        Assert.InRange((int)row["tokens_out"]!, 3, 30);
    }

    /// <summary>Upstreams of OpenAI's format tell the usage after it, and only there how much was thought.</summary>
    [Fact]
    public async Task CallerLeavesAtTheFinishReason_TheUpstreamsUsageIsSettled()
    {
        var script = new UpstreamScript { CompletionTokens = 4321, ReasoningTokens = 4320 };
        script = script with
        {
            ContentType = "text/event-stream",
            ChunkDelay = TimeSpan.FromMilliseconds(300),
            Bytes = [Events(UpstreamDocuments.Chunk("hi", "stop")), Events(UpstreamDocuments.UsageChunk(script), "[DONE]")],
        };
        var slug = await ConnectAsync(script);
        using (var stream = await Admin.StreamAsync(slug, path: "/oai/v1/chat/completions"))
        {
            await stream.NextAsync();
        }

        var row = Assert.Single(await Admin.UsageAsync(slug, 1));
        Assert.Equal((4321, 4320, false), ((int)row["tokens_out"]!, (int)row["reasoning_tokens"]!, (bool)row["estimated"]!));
    }

    [Fact]
    public async Task UsageThatDoesNotComeThen_IsWaitedForASecond_AndEstimatedWithAllThatWasSent()
    {
        var script = new UpstreamScript
        {
            ContentType = "text/event-stream",
            ChunkDelay = TimeSpan.FromMinutes(5),
            Bytes = [Events(UpstreamDocuments.Chunk("hi", "stop")), Events("[DONE]")],
        };
        var slug = await ConnectAsync(script, out var upstreamModel, modelFields: new { system_prompt_template = Words(300) });
        var tool = new { type = "function", function = new { name = "f", description = Words(500), parameters = new { type = "object" } } };
        var body = JsonSerializer.Serialize(new { model = slug, stream = true, messages = new[] { new { role = "user", content = "hi" } }, tools = new[] { tool } });
        long leftAt;
        using (var stream = await Admin.StreamBodyAsync("/oai/v1/chat/completions", body))
        {
            await stream.NextAsync();
            leftAt = Stopwatch.GetTimestamp();
        }

        var call = Assert.Single(Grid.Upstream.CallsOf(upstreamModel));
        await Poll.UntilAsync(() => Task.FromResult(call.AbortedAt != 0), "the upstream's call to be cut");
        Assert.InRange(Stopwatch.GetElapsedTime(leftAt, call.AbortedAt), TimeSpan.FromSeconds(0.5), TimeSpan.FromSeconds(5));
        var row = Assert.Single(await Admin.UsageAsync(slug, 1));
        Assert.Equal(("cancelled", true), ((string?)row["status"], (bool)row["estimated"]!));
        Assert.InRange((int)row["tokens_in"]!, 800, 900);

        static string Words(int count) => string.Join(' ', Enumerable.Repeat("word", count));
    }

    [Fact]
    public async Task CallerLeavesSpeech_TheUpstreamsCallIsCut_AndUsageIsSettled()
    {
        var script = new UpstreamScript { Bytes = [.. Enumerable.Repeat<byte[]>([1, 2], 1000)], ContentType = "audio/mpeg", ChunkDelay = TimeSpan.FromMilliseconds(50) };
        var slug = await ConnectAsync(script, out var upstreamModel, modelFields: new { modality = "audio" });
        long leftAt;
        using (var request = new HttpRequestMessage(HttpMethod.Post, "/oai/v1/audio/speech"))
        {
            request.Content = new StringContent($$"""{"model":"{{slug}}","input":"say this"}""", Encoding.UTF8, "application/json");
            using var response = await Admin.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            Assert.NotEqual(0, await (await response.Content.ReadAsStreamAsync()).ReadAsync(new byte[16]));
            leftAt = Stopwatch.GetTimestamp();
        }

        var call = Assert.Single(Grid.Upstream.CallsOf(upstreamModel));
        await Poll.UntilAsync(() => Task.FromResult(call.AbortedAt != 0), "the upstream's call to be cut");
        Assert.InRange(Stopwatch.GetElapsedTime(leftAt, call.AbortedAt), TimeSpan.FromSeconds(-1), TimeSpan.FromSeconds(1));
        var row = Assert.Single(await Admin.UsageAsync(slug, 1));
        Assert.Equal(("cancelled", 2, true), ((string?)row["status"], (int)row["tokens_in"]!, (bool)row["estimated"]!));
    }

    private static byte[] Events(params string[] data) => Encoding.UTF8.GetBytes(string.Concat(data.Select(one => $"data: {one}\n\n")));
}
