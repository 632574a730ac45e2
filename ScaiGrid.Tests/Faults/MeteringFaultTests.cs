using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Faults;

/// <summary>1,000 calls, half of them streams, 16 at a time, on two Api replicas and two workers. One replica and one worker are killed halfway.</summary>
[Trait("needs", "services")]
public sealed class MeteringFaultTests
{
    private const int Calls = 1000;
    private const int Parallel = 16;
    private const int PromptTokens = 1013;
    private const int CompletionTokens = 337;

    // The cost of a call: (1013 × 1.25 + 337 × 3.5) / 1,000,000 = 0.002445750.
    private const string InputPrice = "1.25";
    private const string OutputPrice = "3.5";
    private const string Cost = "0.00244575";

    [Fact]
    public async Task KilledReplicas_EveryAnsweredCallIsAccountedOnce()
    {
        await using var services = await GridServices.StartAsync();
        await using var upstream = await FakeUpstream.StartAsync();
        await services.MigrateAsync();
        await using var doomedApi = await Replica.StartAsync(Mode.Http, services.Settings);
        await using var api = await Replica.StartAsync(Mode.Http, services.Settings);
        await using var doomedWorker = await ModeProcess.StartAsync(Mode.Worker, services.Settings);
        await using var worker = await ModeProcess.StartAsync(Mode.Worker, services.Settings);
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
        await Poll.UntilAsync(() => AnsweredAsync(doomed, slug, "warm-up", stream: false), "the model on the second replica");

        var answered = new ConcurrentBag<string>();
        var next = 0;
        var killed = false;
        await Task.WhenAll(Enumerable.Range(0, Parallel).Select(async _ =>
        {
            for (int call; (call = Interlocked.Increment(ref next)) <= Calls;)
            {
                if (call == Calls / 2)
                {
                    await Task.WhenAll(doomedApi.KillAsync(), doomedWorker.KillAsync());
                    killed = true;
                }

                var id = $"fault-{call}";
                if (await AnsweredAsync(call % 2 == 0 && !killed ? doomed : admin, slug, id, stream: call % 4 < 2))
                {
                    answered.Add(id);
                }
            }
        }));

        Assert.True(answered.Count > Calls * 9 / 10, $"Only {answered.Count} calls were answered.");
        var warmUp = 1;
        var rows = await admin.UsageAsync(slug, answered.Count + warmUp, timeoutSeconds: 90);
        var ids = rows.Select(row => (string)row["request_id"]!).ToList();
        Assert.Equal(ids.Count, ids.Distinct().Count());
        Assert.Empty(answered.Except(ids));
        Assert.All(rows.Where(row => answered.Contains((string)row["request_id"]!)), row =>
        {
            Assert.Equal("ok", (string?)row["status"]);
            Assert.Equal(PromptTokens, (int)row["tokens_in"]!);
            Assert.Equal(CompletionTokens, (int)row["tokens_out"]!);
            Assert.Equal(Cost, (string?)row["cost"]);
        });

        // The summary equals the sum of the rows. It is polled, because records of the killed replica's unanswered calls may arrive between the two requests.
        JsonNode summary = null!;
        await Poll.UntilAsync(
            async () =>
            {
                summary = (await admin.GetAsync($"/v1/accounting/usage/summary?group_by=model&model={Uri.EscapeDataString(slug)}")).Ok().AsArray().Single()!;
                rows = await admin.UsageAsync(slug, rows.Count);
                return (int)summary["request_count"]! == rows.Count;
            },
            "as many calls in the sum as in the list");
        Assert.Equal(rows.Sum(row => (long)row["tokens_in"]!), (long)summary["input_tokens"]!);
        Assert.Equal(
            rows.Sum(row => decimal.Parse((string)row["cost"]!, System.Globalization.CultureInfo.InvariantCulture)),
            decimal.Parse((string)summary["total_cost"]!, System.Globalization.CultureInfo.InvariantCulture));
    }

    private static async Task<bool> AnsweredAsync(ApiDriver replica, string slug, string requestId, bool stream)
    {
        var flag = stream ? "true" : "false";
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/inference/chat")
        {
            Content = new StringContent($$"""{"model":"{{slug}}","stream":{{flag}},"messages":[{"role":"user","content":"hi"}]}""", new MediaTypeHeaderValue("application/json")),
        };
        request.Headers.Add("X-Request-Id", requestId);
        try
        {
            using var response = await replica.Http.SendAsync(request);
            var text = await response.Content.ReadAsStringAsync();
            return response.IsSuccessStatusCode && (!stream || text.EndsWith("data: [DONE]\n\n", StringComparison.Ordinal));
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            return false;
        }
    }
}
