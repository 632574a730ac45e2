using Microsoft.AspNetCore.Http;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Providers;
using Xunit;

namespace ScaiGrid.Tests.Inference.Providers.Conformance;

/// <summary>The requirements for every provider that calls an upstream, on the upstream's errors and on the key in its answers.</summary>
/// <param name="upstream">The upstream that the tests script.</param>
/// <param name="dialect">The name of the upstream's wire format.</param>
public abstract class UpstreamErrorConformance(ScriptedUpstream upstream, string dialect)
{
    private const string Key = "sk-canary-of-conformance";

    private protected WireDialect Wire { get; } = WireDialect.Of(dialect);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task RateLimited_SaysWhenToComeBack(bool stream)
    {
        using var calls = Connect(context => context.AnswerAsync(Wire.Error("slow down"), 429, ("Retry-After", "7")));
        var error = (await calls.CallAsync(stream)).Error;
        Assert.Equal<(UpstreamFailure?, int?, bool?)>((UpstreamFailure.RateLimited, 7, true), (error?.Failure, error?.RetryAfterSeconds, error?.MayFailOver));
    }

    [Theory]
    [InlineData(408)]
    [InlineData(425)]
    [InlineData(499)]
    [InlineData(500)]
    [InlineData(503)]
    [InlineData(529)]
    public async Task UpstreamFails_AnotherMayTry(int status)
    {
        using var calls = Connect(context => context.AnswerAsync("<html>Bad gateway</html>", status));
        var error = (await calls.CallAsync(stream: true)).Error;
        Assert.Equal<(UpstreamFailure?, bool?, string?)>((UpstreamFailure.ServerError, true, null), (error?.Failure, error?.MayFailOver, error?.Message));
    }

    [Fact]
    public async Task ErrorWhoseBodyDoesNotCome_IsAnErrorStill()
    {
        using var calls = Connect(async context =>
        {
            context.Response.StatusCode = 503;
            context.Response.ContentLength = 100;
            await context.Response.Body.FlushAsync();
            await Task.Delay(Timeout.InfiniteTimeSpan, context.RequestAborted);
        });
        Assert.Equal(UpstreamFailure.ServerError, (await calls.CallAsync(stream: true)).Error?.Failure);
    }

    [Theory]
    [InlineData(401)]
    [InlineData(403)]
    [InlineData(404)]
    [InlineData(410)]
    public async Task Credentials_AreRefused_AndNotRepeated(int status)
    {
        using var calls = Connect(context => context.AnswerAsync(Wire.Error($"bad key {Key}"), status));
        var error = (await calls.CallAsync(stream: false)).Error;
        Assert.Equal<(UpstreamFailure?, bool?, string?)>((UpstreamFailure.Misconfigured, false, null), (error?.Failure, error?.MayFailOver, error?.Message));
    }

    [Theory]
    [InlineData(400)]
    [InlineData(422)]
    public async Task RequestIsRefused_SaysWhy_WithoutTheKey(int status)
    {
        using var calls = Connect(context => context.AnswerAsync((status == 422 ? "\uFEFF" : "") + Wire.Error($"too long, said {Key}"), status));
        var error = (await calls.CallAsync(stream: false)).Error;
        Assert.Equal<(UpstreamFailure?, bool?, string?)>((UpstreamFailure.RequestRefused, false, "too long, said •••"), (error?.Failure, error?.MayFailOver, error?.Message));
    }

    [Theory]
    [InlineData("too long for sk-canar****************ance, it said", "too long for •••, it said")]
    [InlineData("too long for sk-...nce.", "too long for •••.")]
    [InlineData("too long for the key that ends with 'conformance'", "too long for the key that ends with '•••'")]
    [InlineData("too long for the key sk-canary-of", "too long for the key •••")]
    [InlineData("too long for c2stY2FuYXJ5LW9mLWNvbmZvcm1hbmNl", "too long for •••")]
    [InlineData("too long for Basic OnNrLWNhbmFyeS1vZi1jb25mb3JtYW5jZQ==", "too long for Basic On•••Q==")]
    [InlineData("too long for c2st…YW5jZQ", "too long for •••")]
    [InlineData("too long for a canary", "too long for a canary")]
    public async Task PartsOfTheKey_AreNotRepeated(string message, string told)
    {
        using var calls = Connect(context => context.AnswerAsync(Wire.Error(message), 400));
        Assert.Equal(told, (await calls.CallAsync(stream: false)).Error?.Message);
        using var streamed = Connect(context => context.SendAsync([.. Wire.Begin(), Wire.Text("Hi"), $"event: error\ndata: {Wire.Error(message)}\n\n"]));
        Assert.Equal(told, (await streamed.CallAsync(stream: true)).Error?.Message);
    }

    /// <summary>Some servers and many proxies report errors with status 200 and as JSON, also when a stream was requested.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ErrorWithTheStatusOfASuccess_IsWhatItSays(bool stream)
    {
        using var calls = Connect(context => context.AnswerAsync(Wire.Error($"too long, said {Key}")));
        var error = (await calls.CallAsync(stream)).Error;
        Assert.Equal<(UpstreamFailure?, bool?, string?)>((UpstreamFailure.RequestRefused, false, "too long, said •••"), (error?.Failure, error?.MayFailOver, error?.Message));
    }

    /// <summary>From an upstream that returns the request's headers. The second key's plus sign is escaped in JSON.</summary>
    [Theory]
    [InlineData(Key, 24)]
    [InlineData("sk-canary/with+both", 24)]
    public async Task KeyInAnAnswer_IsOverwritten(string key, int length)
    {
        var (said, told) = ($"Sent: Bearer {key}, {key}.", $"Sent: Bearer {new string('*', length)}, {new string('*', length)}.");
        using var whole = Connect(context => context.AnswerAsync(Wire.Whole(said)), key);
        var answer = await whole.CallAsync(stream: false);
        Assert.Equal<(string, TokenUsage?, UpstreamError?)>((told, new TokenUsage(11, 7), null), (answer.Text, answer.Usage, answer.Error));
        using var streamed = Connect(context => context.SendAsync([.. Wire.Begin(), Wire.Text(said), .. Wire.Finish(), .. Wire.End()]), key);
        answer = await streamed.CallAsync(stream: true);
        Assert.Equal<(string, TokenUsage?, UpstreamError?)>((told, new TokenUsage(11, 7), null), (answer.Text, answer.Usage, answer.Error));
    }

    /// <summary>As servers that need no key are given.</summary>
    [Fact]
    public async Task PlaceholderOfAKey_MayBeSaid()
    {
        using var calls = Connect(context => context.AnswerAsync(Wire.Whole("A key is not-needed.")), "not-needed");
        Assert.Equal("A key is not-needed.", (await calls.CallAsync(stream: false)).Text);
    }

    private protected ProviderCalls Connect(Func<HttpContext, Task> script, string key = Key) => new(Wire, upstream.Play(script), key);
}
