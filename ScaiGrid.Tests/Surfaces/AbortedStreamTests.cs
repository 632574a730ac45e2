using System.Text;
using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Callers that disconnect in the middle of a stream leave no resources behind, and pay for what they received.</summary>
[Trait("needs", "services")]
[Collection(nameof(SmallGrid))]
public sealed class AbortedStreamTests
{
    private const int Streams = 1000;
    private const int AtATime = 50;
    private const int LongestMs = 600;

    // The memory that a stream would leave if its buffers were not released: those of two sockets, two pipes and a reader.
    private const long MostPerStream = 48 * 1024;

    // The garbage collector returns free memory to the system.
    private static readonly Dictionary<string, string> Tidy = new() { ["DOTNET_GCgen0size"] = "400000", ["DOTNET_GCConserveMemory"] = "5" };

    [Fact]
    public async Task ThousandStreams_AbortedAtRandomMoments_LeaveNothing_AndEachIsSettled()
    {
        await using var grid = await SmallGrid.StartAsync(replicas: 1, settings: Tidy, withWorker: true);
        var api = grid.Apis[0];
        var (slug, upstreamModel) = await grid.ConnectAsync(new UpstreamScript
        {
            Delay = TimeSpan.FromMilliseconds(100),
            Chunks = [.. Enumerable.Repeat("word ", 2000)],
            ChunkDelay = TimeSpan.FromMilliseconds(20),
        });
        var tenant = (string)(await grid.Admin.GetAsync("/v1/me")).Ok()["tenant_id"]!;
        var budget = (string)(await grid.Admin.PostAsync(
            "/v1/accounting/budgets", new { scope = "tenant", scope_id = tenant, period = "total", request_limit = 1_000_000, token_limit = 1_000_000_000 })).Created()["id"]!;
        await grid.CatchUpAsync();

        // The baseline after a first round of calls, because some memory is allocated once: the first settlement loads the tokenizer (75 MB). On a busy
        // machine, all callers of a round may disconnect before the new replica answers, which leaves nothing to settle.
        var seen = 0;
        do
        {
            seen += await AbortAsync(grid.Admin, slug, Streams / 5, seed: 1);
            await QuietAsync(grid);
            await SettledAsync(grid.Admin, budget);
        }
        while (seen == 0);

        var (memory, handles) = (await api.HeldBytesAsync(), api.OpenHandles);

        seen += await AbortAsync(grid.Admin, slug, Streams, seed: 2);
        await QuietAsync(grid);
        var state = await SettledAsync(grid.Admin, budget);
        await Poll.UntilAsync(() => Task.FromResult(api.OpenHandles < handles + AtATime), "the sockets to be closed");
        Assert.InRange(await api.HeldBytesAsync(), 0, memory + (Streams * MostPerStream));

        // Each caller that received text is charged once, and of the others only those whose first text was on its way.
        var begun = grid.Upstream.CallsOf(upstreamModel).Count;
        Assert.Equal(("0", 0), ((string?)state["reserved"]!["cost"], (int)state["reserved"]!["tokens"]!));
        var settled = (int)state["usage"]!["requests"]!;
        Assert.InRange(settled, seen, begun);
        var rows = await grid.Admin.UsageAsync(slug, settled);
        Assert.Equal(settled, rows.Count);
        Assert.All(rows, row => Assert.Equal(("cancelled", true), ((string?)row["status"], (int)row["tokens_out"]! > 0)));
        Assert.Equal((int)state["usage"]!["tokens"]!, rows.Sum(row => (int)row["tokens_in"]! + (int)row["tokens_out"]!));
    }

    /// <returns>The number of callers that received text before they disconnected.</returns>
    private static async Task<int> AbortAsync(ApiDriver api, string slug, int count, int seed)
    {
        var random = new Random(seed);
        var moments = Enumerable.Range(0, count).Select(_ => TimeSpan.FromMilliseconds(random.Next(LongestMs))).ToList();
        var seen = 0;
        await Parallel.ForEachAsync(moments, new ParallelOptions { MaxDegreeOfParallelism = AtATime }, async (moment, _) =>
        {
            using var leave = new CancellationTokenSource(moment);
            using var request = new HttpRequestMessage(HttpMethod.Post, moment.Milliseconds % 2 == 0 ? "/v1/inference/chat" : "/oai/v1/chat/completions")
            {
                Content = new StringContent($$"""{"model":"{{slug}}","stream":true,"max_tokens":3000,"messages":[{"role":"user","content":"hi"}]}""", Encoding.UTF8, "application/json"),
            };
            var words = 0;
            try
            {
                using var stream = new EventStream(await api.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, leave.Token));
                while (await stream.NextAsync(leave.Token) is { } item)
                {
                    words += item.Content.Length;
                }

                Assert.Fail("The stream ended before its caller disconnected.");
            }
            catch (OperationCanceledException)
            {
                Interlocked.Add(ref seen, words > 0 ? 1 : 0);
            }
        });
        return seen;
    }

    /// <returns>The budget, when none of it is reserved any more.</returns>
    private static async Task<JsonNode> SettledAsync(ApiDriver api, string budget)
    {
        JsonNode state = null!;
        await Poll.UntilAsync(
            async () =>
            {
                state = (await api.GetAsync($"/v1/accounting/budgets/{budget}")).Ok();
                return (int)state["reserved"]!["requests"]! == 0;
            },
            "the reservations to be settled");
        return state;
    }

    /// <summary>
    /// Waits until no calls are in flight, here and at the upstream. Idle connections may remain, but no more than were in use at the same time.
    /// </summary>
    private static async Task QuietAsync(SmallGrid grid)
    {
        var backend = (string)(await grid.Admin.GetAsync("/v1/backends?limit=100")).Ok()["items"]!.AsArray().Single(item => (string?)item!["name"] == "fake")!["id"]!;
        await Poll.UntilAsync(
            async () => (await grid.Admin.GetAsync("/metrics")).Text.Split('\n').Any(line =>
                line.StartsWith("scaigrid_backend_inflight_requests{", StringComparison.Ordinal) && line.Contains(backend, StringComparison.Ordinal) && line.Contains("} 0", StringComparison.Ordinal)),
            "no call in flight");
        await Poll.UntilAsync(() => Task.FromResult(grid.Upstream.RunningChats == 0), "the upstream to see that all callers have disconnected");
        await Poll.UntilAsync(() => Task.FromResult(grid.Upstream.OpenConnections < AtATime), "the connections to the upstream to be closed");
    }
}
