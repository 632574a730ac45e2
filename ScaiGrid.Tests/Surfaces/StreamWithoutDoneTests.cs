using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Some servers end a stream without <c>[DONE]</c>.</summary>
public sealed class StreamWithoutDoneTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task StreamWithoutDone_IsWholeWhenItGaveAFinishReason()
    {
        var slug = await ConnectAsync(new UpstreamScript { SendsDone = false });
        using var stream = await Admin.StreamAsync(slug);
        var events = await stream.AllAsync();
        Assert.True(events[^1].IsDone);
        Assert.DoesNotContain(events, item => item.Name == "error");
    }

    /// <summary>With <c>n</c>, choices end one after the other. A digit is a chunk with text of that choice; a dot after it is the choice's end.</summary>
    [Theory]
    [InlineData("0 1 0.", true)]
    [InlineData("0 1 1.", true)]
    [InlineData("0 0. 1", true)]
    [InlineData("0 1 0.+1", true)]
    [InlineData("0 1 0.+1.", false)]
    [InlineData("0 1 1. 0 0.", false)]
    [InlineData("0 127 0.", true)]
    [InlineData("0 127 127. 0.", false)]
    public async Task StreamOfSeveralChoices_IsWholeWhenAllGaveAFinishReason(string chunks, bool isCut)
    {
        var document = string.Concat(chunks.Split(' ').Select(chunk =>
            $$"""data: {"id":"x","object":"chat.completion.chunk","model":"m","choices":[{{string.Join(',', chunk.Split('+').Select(Choice))}}]}""" + "\n\n"));
        var slug = await ConnectAsync(new UpstreamScript { Body = document, ContentType = "text/event-stream" });
        var answer = await Admin.PostAsync("/oai/v1/chat/completions", new { model = slug, stream = true, n = 2, messages = new[] { new { role = "user", content = "hi" } } });
        Assert.Equal(isCut, answer.Text.Contains("event: error", StringComparison.Ordinal));
        Assert.EndsWith("data: [DONE]\n\n", answer.Text, StringComparison.Ordinal);
        Assert.Equal(isCut ? "error" : "ok", (string?)Assert.Single(await Admin.UsageAsync(slug, 1))["status"]);
    }

    // An object's fields may have any order.
    private static string Choice(string mark) => mark.EndsWith('.')
        ? $$"""{"finish_reason":"stop","delta":{},"index":{{mark[..^1]}}}"""
        : $$"""{"index":{{mark}},"delta":{"content":"Hello"},"finish_reason":null}""";
}
