using System.Text.Json.Nodes;
using Xunit;

namespace ScaiGrid.Tests.Inference.Providers;

/// <summary>Every exchange in the folders under <c>Recorded</c>: the request to the upstream, the response to the caller, and the usage.</summary>
public sealed class RecordedExchangeTests
{
    public static TheoryData<string, string> Exchanges => [.. RecordedExchange.All.Select(exchange => new TheoryDataRow<string, string>(exchange.Provider, exchange.Name))];

    public static TheoryData<string, string> Streams =>
    [
        .. RecordedExchange.All.Where(exchange => File.Exists(Path.Combine(RecordedExchange.Folder, exchange.Provider, exchange.Name, "upstream.sse")))
            .Select(exchange => new TheoryDataRow<string, string>(exchange.Provider, exchange.Name)),
    ];

    [Theory]
    [MemberData(nameof(Exchanges))]
    public async Task Exchange_IsTranslatedBothWays(string provider, string name)
    {
        var exchange = new RecordedExchange(provider, name);
        using var player = new ExchangePlayer(exchange);
        var answer = await player.PlayAsync();

        var sent = player.Upstream;
        exchange.Verify("upstream-request.json", sent.Body is null ? null : JsonNode.Parse(sent.Body));
        Assert.Equal((string?)exchange.Http["url"], sent.Uri?.AbsoluteUri);
        foreach (var (header, value) in exchange.Http["headers"] as JsonObject ?? [])
        {
            Assert.Equal((string?)value, sent.Headers.GetValueOrDefault(header));
        }

        exchange.Verify("response.json", answer.Completion is null ? null : JsonNode.Parse(answer.Completion));
        exchange.VerifyStream(answer.Chunks);
        exchange.Verify("error.json", answer.ErrorJson);
        exchange.Verify("usage.json", answer.UsageJson);

        // A stream ends with its end marker or with an error.
        Assert.True(answer.Chunks is null || answer.SawEnd || answer.Error is not null, "The stream ended without an end marker or an error.");
    }

    [Theory]
    [MemberData(nameof(Streams))]
    public async Task Stream_SplitAnywhere_GivesTheSame(string provider, string name)
    {
        var exchange = new RecordedExchange(provider, name);
        using var player = new ExchangePlayer(exchange);
        var whole = await player.PlayAsync();
        var length = exchange.UpstreamBytes.Length;
        for (var boundary = 1; boundary < length; boundary++)
        {
            AssertSame(whole, await player.PlayAsync([boundary]), $"split at {boundary}");
        }

        AssertSame(whole, await player.PlayAsync([.. Enumerable.Range(1, length)]), "byte by byte");
    }

    private static void AssertSame(PlayedAnswer expected, PlayedAnswer actual, string how)
    {
        Assert.True((expected.Chunks ?? []).SequenceEqual(actual.Chunks ?? []), how);
        Assert.Equal((expected.Usage, expected.Error, expected.SawEnd), (actual.Usage, actual.Error, actual.SawEnd));
    }
}
