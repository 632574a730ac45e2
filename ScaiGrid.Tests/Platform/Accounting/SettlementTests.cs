using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Accounting;

/// <summary>Every way in which a call can end, and what is charged for it.</summary>
public sealed class SettlementTests(Grid grid) : GridTest(grid)
{
    private static readonly UpstreamScript Reported = new() { Chunks = ["one ", "two ", "three"], PromptTokens = 100, CompletionTokens = 50 };

    public static TheoryData<string, UpstreamScript, bool, string?> Ends => new()
    {
        { "whole, reported", Reported, false, "ok 100/50 reported" },
        { "whole, not reported", Reported with { SendsUsage = false }, false, "ok 9/3 estimated" },
        { "whole, the prompt's count is none", Reported with { Body = Whole("""{"prompt_tokens":"100","completion_tokens":50}""") }, false, "ok 9/3 estimated" },
        { "whole, the output's count is in the sum only", Reported with { Body = Whole("""{"prompt_tokens":100,"total_tokens":150}""") }, false, "ok 100/50 reported" },
        { "whole, the output's count is nowhere", Reported with { Body = Whole("""{"prompt_tokens":100}""") }, false, "ok 100/3 estimated" },
        { "stream, reported", Reported, true, "ok 100/50 reported" },
        { "stream, not reported", Reported with { SendsUsage = false }, true, "ok 9/3 estimated" },
        { "stream without [DONE]", Reported with { SendsDone = false }, true, "ok 100/50 reported" },
        { "stream cut after some tokens", Reported with { CutAfter = 2, ChunkDelay = TimeSpan.FromMilliseconds(100) }, true, "error 9/3 estimated" },
        { "stream cut before any token", Reported with { CutAfter = 0 }, true, null },
        { "error before any token", Reported with { Status = 500 }, false, null },
        { "error before any token of a stream", Reported with { Status = 429 }, true, null },
        { "answer that is no answer", Reported with { Body = "{}" }, false, null },
    };

    [Theory]
    [MemberData(nameof(Ends))]
    public async Task Ended_IsChargedByItsRule(string how, UpstreamScript script, bool stream, string? charged)
    {
        var slug = await ConnectAsync(script);
        var answer = await Admin.PostAsync("/v1/inference/chat", new { model = slug, stream, messages = new[] { new { role = "user", content = "hi" } } });
        Assert.True(charged is null || (int)answer.Status == 200, answer.Text);

        // A second call that is certainly charged: when its record is there, a record of the first would be there too.
        var probe = await ConnectAsync(Reported);
        (await Admin.ChatAsync(probe)).Ok();
        await Admin.UsageAsync(probe, 1);
        var rows = await Admin.UsageAsync(slug, charged is null ? 0 : 1);
        string[] expected = charged is null ? [] : [charged];
        Assert.Equal(expected, rows.Select(Describe));
        Assert.NotEmpty(how);
    }

    [Fact]
    public async Task CallerGoneInTheMiddle_PaysWhatWasWritten()
    {
        var slug = await ConnectAsync(Reported with { Chunks = ["one ", "two ", .. Enumerable.Repeat("more ", 200)], ChunkDelay = TimeSpan.FromMilliseconds(100) });
        using (var stream = await Admin.StreamAsync(slug))
        {
            await stream.NextAsync();
            await stream.NextAsync();
        }

        var row = Assert.Single(await Admin.UsageAsync(slug, 1));
        Assert.StartsWith("cancelled 9/", Describe(row), StringComparison.Ordinal);
        Assert.InRange((int)row["tokens_out"]!, 2, 50);
    }

    [Theory]
    [InlineData("anthropic", "/messages", """
        data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"c","content":[],"usage":{"input_tokens":12,"cache_creation_input_tokens":100,"cache_read_input_tokens":50,"output_tokens":1}}}

        data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

        data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"one two three"}}


        """, 50)]
    [InlineData("google", "/models/their-model:streamGenerateContent?alt=sse", """
        data: {"candidates":[{"content":{"parts":[{"text":"one two three"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":160,"toolUsePromptTokenCount":2,"candidatesTokenCount":1,"cachedContentTokenCount":40},"modelVersion":"g","responseId":"r"}


        """, 40)]
    public async Task StreamEndsEarly_AfterItSaidWhatItRead_IsChargedThat(string type, string path, string events, int cached)
    {
        await using var vendor = await FakeVendor.StartAsync();
        vendor.At(path, System.Text.Encoding.UTF8.GetBytes(events), "text/event-stream");
        var slug = await vendor.ConnectAsync(Admin, type, "chat");
        using (var stream = await Admin.StreamAsync(slug))
        {
            Assert.Equal("error", (await stream.AllAsync())[^2].Name);
        }

        // Output tokens are counted here, because the upstream's last count is older than the last text.
        var row = Assert.Single(await Admin.UsageAsync(slug, 1));
        Assert.Equal(("error 162/3 estimated", cached), (Describe(row), (int)row["cached_tokens"]!));
    }

    [Fact]
    public async Task CachedTokens_HaveThePriceThatTheModelGivesThem_AndRowsNameTheVersion()
    {
        var slug = await ConnectAsync(Reported with { CachedTokens = 40 }, inputPrice: "100", outputPrice: "1000", modelFields: new { cached_input_price_per_mtok = "10" });
        (await Admin.ChatAsync(slug)).Ok();
        var model = (await Admin.GetAsync($"/v1/models/{Uri.EscapeDataString(slug)}")).Ok();
        Assert.Equal("10", (string?)model["cached_input_price_per_mtok"]);
        Assert.Equal(1, (int)model["price_version"]!);
        var path = $"/v1/models/{(string)model["id"]!}";
        Assert.Equal(1, (int)(await Admin.PutAsync(path, new { display_name = "Other" })).Ok()["price_version"]!);
        Assert.Equal(2, (int)(await Admin.PutAsync(path, new { cached_input_price_per_mtok = (string?)null })).Ok()["price_version"]!);
        (await Admin.ChatAsync(slug)).Ok();

        var rows = await Admin.UsageAsync(slug, 2);
        Assert.Equal(["0.06 2", "0.0564 1"], rows.Select(row => $"{(string)row["cost"]!} {(int)row["price_version"]!}"));
    }

    [Fact]
    public async Task ExtremePrices_EndAtTheLargestNumber_AndHoldNobodyUp()
    {
        var slug = await ConnectAsync(new UpstreamScript { PromptTokens = 1_000_000_000, CompletionTokens = 1_000_000_000 }, inputPrice: "1000000", outputPrice: "1000000");
        for (var i = 0; i < 6; i++)
        {
            (await Admin.ChatAsync(slug)).Ok();
        }

        var rows = await Admin.UsageAsync(slug, 6);
        Assert.All(rows, row => Assert.Equal("2000000000", (string?)row["cost"]));
        var sum = (await Admin.GetAsync($"/v1/accounting/usage/summary?model={slug}")).Ok().AsArray().Single()!;
        Assert.Equal(6, (int)sum["request_count"]!);

        // The sum of six rows exceeds 64 bits of nano-units, so the sum of the hour is capped at the largest number.
        Assert.Equal("9223372036.854775807", (string?)sum["total_cost"]);
    }

    private static string Whole(string usage) =>
        $$"""{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"one two three"},"finish_reason":"stop"}],"usage":{{usage}}}""";

    private static string Describe(JsonNode row) =>
        $"{(string)row["status"]!} {(int)row["tokens_in"]!}/{(int)row["tokens_out"]!} {((bool)row["estimated"]! ? "estimated" : "reported")}";
}
