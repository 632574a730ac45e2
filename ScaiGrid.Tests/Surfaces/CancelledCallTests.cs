using System.Text;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Calls whose caller disconnects before the response starts are counted in the metrics and not charged.</summary>
public sealed class CancelledCallTests(Grid grid) : GridTest(grid)
{
    private const string Messages = "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]";

    [Theory]
    [InlineData("/v1/inference/chat", Messages)]
    [InlineData("/oai/v1/chat/completions", Messages + ",\"stream\":true")]
    public async Task UpstreamSaysNothing_TheCallIsCountedAsCancelled(string path, string fields) =>
        await LeaveAsync(path, fields, new UpstreamScript { Hold = new TaskCompletionSource().Task });

    [Theory]
    [InlineData("/oai/v1/chat/completions", Messages, "chat")]
    [InlineData("/v1/inference/embed", "\"input\":[\"hi\"]", "embedding")]
    public async Task AnswerIsInTheMiddle_TheCallIsCountedAsCancelled(string path, string fields, string modality) => await LeaveAsync(
        path, fields, new UpstreamScript { Bytes = [Encoding.UTF8.GetBytes("{\"id\":\"x\","), [(byte)'}']], ChunkDelay = TimeSpan.FromMinutes(5) }, modality);

    private async Task LeaveAsync(string path, string fields, UpstreamScript script, string modality = "chat")
    {
        var slug = await ConnectAsync(script, out var upstreamModel, modelFields: new { modality });
        using var leaves = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        using var body = new StringContent($"{{\"model\":\"{slug}\",{fields}}}", Encoding.UTF8, "application/json");
        var call = Admin.Http.PostAsync(new Uri(path, UriKind.Relative), body, leaves.Token);
        await Poll.UntilAsync(() => Task.FromResult(Grid.Upstream.CallsOf(upstreamModel).Count == 1), "the call to reach the upstream");

        // By then the gateway has received the part of the response that the upstream sends.
        await Task.Delay(TimeSpan.FromMilliseconds(300), leaves.Token);
        await leaves.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);

        var id = (string?)(await Admin.GetAsync($"/v1/models/{slug}")).Ok()["id"];
        var backend = (string?)(await Admin.GetAsync($"/v1/models/{id}/routing")).Ok()["targets"]![0]!["backend_id"];
        var metrics = "";
        await Poll.UntilAsync(
            async () =>
            {
                metrics = (await Admin.GetAsync("/metrics")).Text;
                return metrics.Contains($"model=\"{slug}\"", StringComparison.Ordinal);
            },
            "the call to be counted");
        Assert.Matches($"(?m)^scaigrid_requests_total{{(?=[^}}]*model=\"{slug}\")(?=[^}}]*status=\"cancelled\")[^}}]*}} 1( |$)", metrics);
        Assert.Matches($"(?m)^scaigrid_request_duration_seconds_count{{(?=[^}}]*model=\"{slug}\")(?=[^}}]*backend=\"{backend}\")[^}}]*}} 1( |$)", metrics);
        Assert.Matches($"(?m)^scaigrid_backend_attempts_total{{(?=[^}}]*backend_id=\"{backend}\")(?=[^}}]*outcome=\"cancelled\")[^}}]*}} 1( |$)", metrics);
        Assert.Single(metrics.Split('\n'), line => line.StartsWith("scaigrid_backend_attempts_total", StringComparison.Ordinal) && line.Contains($"\"{backend}\"", StringComparison.Ordinal));
        Assert.DoesNotContain(metrics.Split('\n'), line => line.StartsWith("scaigrid_tokens_total", StringComparison.Ordinal) && line.Contains($"\"{slug}\"", StringComparison.Ordinal));
    }
}
