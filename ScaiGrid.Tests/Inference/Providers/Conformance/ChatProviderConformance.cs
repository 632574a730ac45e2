using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Providers;
using Xunit;

namespace ScaiGrid.Tests.Inference.Providers.Conformance;

/// <summary>The requirements for every provider that calls an upstream, whatever its wire format.</summary>
/// <param name="upstream">The upstream that the tests script.</param>
/// <param name="dialect">The name of the upstream's wire format.</param>
public abstract class ChatProviderConformance(ScriptedUpstream upstream, string dialect) : UpstreamErrorConformance(upstream, dialect)
{
    [Fact]
    public async Task WholeAnswer_Arrives()
    {
        using var calls = Connect(context => context.AnswerAsync(Wire.Whole("Grüezi \"Zürich\" 🗼\n")));
        var answer = await calls.CallAsync(stream: false);
        Assert.Equal<(string, string?, TokenUsage?, UpstreamError?)>(("Grüezi \"Zürich\" 🗼\n", "stop", new TokenUsage(11, 7), null), (answer.Text, answer.Finish, answer.Usage, answer.Error));
    }

    /// <summary>Servers on Windows may start their responses with a byte order mark.</summary>
    [Fact]
    public async Task WholeAnswerBehindAByteOrderMark_Arrives()
    {
        using var calls = Connect(context => context.AnswerAsync("\uFEFF" + Wire.Whole("Hi")));
        var answer = await calls.CallAsync(stream: false);
        Assert.Equal<(string, TokenUsage?, UpstreamError?)>(("Hi", new TokenUsage(11, 7), null), (answer.Text, answer.Usage, answer.Error));
    }

    [Fact]
    public async Task Stream_Arrives()
    {
        using var calls = Connect(context => context.SendAsync([.. Wire.Begin(), Wire.Text("Grüezi "), Wire.Text("\"Zürich\" 🗼\n"), .. Wire.Finish(), .. Wire.End()]));
        var answer = await calls.CallAsync(stream: true);
        Assert.Equal<(string, string?, TokenUsage?, UpstreamError?)>(("Grüezi \"Zürich\" 🗼\n", "stop", new TokenUsage(11, 7), null), (answer.Text, answer.Finish, answer.Usage, answer.Error));
        Assert.True(answer.SawEnd);
    }

    [Fact]
    public async Task Chunks_ArriveWhenTheyAreSent()
    {
        var seen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var calls = Connect(async context =>
        {
            await context.SendAsync([.. Wire.Begin(), Wire.Text("first")]);

            // Waits until the first chunk has arrived: a provider that collects chunks would never finish.
            await seen.Task.WaitAsync(TimeSpan.FromMinutes(1), context.RequestAborted);
            await context.SendAsync([Wire.Text(" last"), .. Wire.Finish(), .. Wire.End()]);
        });
        var answer = await calls.CallAsync(stream: true, onText: text =>
        {
            if (text == "first")
            {
                seen.TrySetResult();
            }
        });
        Assert.Equal<(string, UpstreamError?)>(("first last", null), (answer.Text, answer.Error));
    }

    /// <summary>Some clients cut tool results and arguments in the middle of a character.</summary>
    [Fact]
    public async Task HalvesOfCharactersInTheHistory_AreNoMistakeOfOurs()
    {
        using var calls = Connect(context => context.AnswerAsync(Wire.Whole("Hi")));
        var answer = await calls.CallAsync(stream: false, messages: """
            [{"role":"user","content":"cut \ud83d"},
             {"role":"assistant","content":null,"tool_calls":[{"id":"call_0001","type":"function","function":{"name":"f","arguments":"{\"q\":\"cut \ud83d\"}"}},
                                                              {"id":"call_0002","type":"function","function":{"name":"f","arguments":"cut \ud83d"}}]},
             {"role":"tool","tool_call_id":"call_0001","content":"cut \ud83d"},
             {"role":"tool","tool_call_id":"call_0002","content":"{\"r\":\"cut \ud83d\"}"}]
            """);
        Assert.Equal<(string, UpstreamError?)>(("Hi", null), (answer.Text, answer.Error));
    }

    [Fact]
    public async Task CallerLeaves_UpstreamIsHungUpOn()
    {
        var hungUp = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var calls = Connect(async context =>
        {
            using var registration = context.RequestAborted.Register(hungUp.SetResult);
            await context.SendAsync([.. Wire.Begin(), Wire.Text("first")]);
            await Task.Delay(Timeout.InfiniteTimeSpan, context.RequestAborted);
        });
        using var caller = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => calls.CallAsync(stream: true, onText: _ => caller.Cancel(), caller: caller.Token));
        await hungUp.Task.WaitAsync(TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task StreamIsCut_SaysSo()
    {
        var seen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var calls = Connect(async context =>
        {
            await context.SendAsync([.. Wire.Begin(), Wire.Text("half")]);

            // A reset discards data that has not been read yet.
            await seen.Task.WaitAsync(TimeSpan.FromMinutes(1), context.RequestAborted);
            context.Abort();
        });
        var answer = await calls.CallAsync(stream: true, onText: text =>
        {
            if (text == "half")
            {
                seen.TrySetResult();
            }
        });
        Assert.Equal<(string, UpstreamFailure?, bool)>(("half", UpstreamFailure.Cut, false), (answer.Text, answer.Error?.Failure, answer.IsComplete));
    }

    [Fact]
    public async Task WholeAnswerIsCut_SaysSo()
    {
        using var calls = Connect(async context =>
        {
            context.Response.ContentLength = 10_000;
            await context.AnswerAsync(Wire.Whole("half")[..^5]);
            context.Abort();
        });
        Assert.Equal(UpstreamFailure.Cut, (await calls.CallAsync(stream: false)).Error?.Failure);
    }

    [Fact]
    public async Task StreamStalls_TimesOut()
    {
        using var calls = Connect(async context =>
        {
            await context.SendAsync([.. Wire.Begin(), Wire.Text("half")]);
            await Task.Delay(Timeout.InfiniteTimeSpan, context.RequestAborted);
        });
        var answer = await calls.CallAsync(stream: true, idle: TimeSpan.FromSeconds(4));
        Assert.Equal<(string, UpstreamFailure?)>(("half", UpstreamFailure.TimedOut), (answer.Text, answer.Error?.Failure));
    }

    [Fact]
    public async Task UpstreamIsSilent_TimesOut()
    {
        using var calls = Connect(context => Task.Delay(Timeout.InfiniteTimeSpan, context.RequestAborted));
        Assert.Equal(UpstreamFailure.TimedOut, (await calls.CallAsync(stream: true, idle: TimeSpan.FromSeconds(1))).Error?.Failure);
    }

    /// <summary>Servers send them while a call waits in their queue. Within an answer they show that it goes on.</summary>
    [Fact]
    public async Task CommentsWithoutAnEvent_TimeOut()
    {
        using var silent = Connect(async context =>
        {
            while (true)
            {
                await context.SendAsync(": keep-alive\n\n");
                await Task.Delay(200, context.RequestAborted);
            }
        });
        Assert.Equal(UpstreamFailure.TimedOut, (await silent.CallAsync(stream: true, idle: TimeSpan.FromSeconds(2))).Error?.Failure);
        using var slow = Connect(async context =>
        {
            await context.SendAsync([.. Wire.Begin(), Wire.Text("Hi")]);
            for (var i = 0; i < 10; i++)
            {
                await Task.Delay(400, context.RequestAborted);
                await context.SendAsync(": keep-alive\n\n");
            }

            await context.SendAsync([.. Wire.Finish(), .. Wire.End()]);
        });
        var answer = await slow.CallAsync(stream: true, idle: TimeSpan.FromSeconds(2));
        Assert.Equal<(string, UpstreamError?)>(("Hi", null), (answer.Text, answer.Error));
    }

    [Fact]
    public async Task MalformedChunk_IsAMismatch()
    {
        using var calls = Connect(context => context.SendAsync([.. Wire.Begin(), Wire.Text("half"), "data: {\"choices\":[{\"delta\":{\"cont\n\n", .. Wire.End()]));
        var answer = await calls.CallAsync(stream: true);
        Assert.Equal<(string, UpstreamFailure?)>(("half", UpstreamFailure.ShapeMismatch), (answer.Text, answer.Error?.Failure));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task WrongContentType_IsAMismatch(bool stream)
    {
        using var calls = Connect(context => stream ? context.AnswerAsync(Wire.Whole("Hi")) : context.SendAsync([.. Wire.Begin(), Wire.Text("Hi")]));
        Assert.Equal(UpstreamFailure.ShapeMismatch, (await calls.CallAsync(stream)).Error?.Failure);
    }

    /// <summary>Sent by an upstream or a proxy that ignores Accept-Encoding.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task CompressedAnswer_IsAMismatch_ThatNamesTheEncoding(bool stream)
    {
        using var calls = Connect(context =>
        {
            context.Response.Headers.ContentEncoding = "gzip";
            return stream ? context.SendAsync("\u001f\u008b") : context.AnswerAsync("\u001f\u008b");
        });
        var error = (await calls.CallAsync(stream)).Error;
        Assert.Equal(UpstreamFailure.ShapeMismatch, error?.Failure);
        Assert.Contains("gzip", error?.Message, StringComparison.Ordinal);
        using var plain = Connect(context => context.AnswerAsync(Wire.Whole("Hi"), 200, ("Content-Encoding", "none")));
        Assert.Equal("Hi", (await plain.CallAsync(stream: false)).Text);
    }

    /// <summary>Content of any other type could be an endless stream, so it is not read.</summary>
    [Fact]
    public async Task StreamUnderAnotherName_IsNotReadToItsEnd()
    {
        using var calls = Connect(context =>
        {
            context.Response.ContentType = "text/plain";
            return context.Response.WriteAsync(Wire.Error("never read"), context.RequestAborted);
        });
        Assert.Equal(UpstreamFailure.ShapeMismatch, (await calls.CallAsync(stream: true)).Error?.Failure);
    }

    [Fact]
    public async Task MissingUsage_IsMissing()
    {
        using var streamed = Connect(context => context.SendAsync([.. Wire.Begin(), Wire.Text("Hi"), .. Wire.Finish(withUsage: false), .. Wire.End()]));
        var answer = await streamed.CallAsync(stream: true);
        Assert.Equal<(string, TokenUsage?, bool)>(("Hi", null, true), (answer.Text, answer.Usage, answer.IsComplete));

        using var whole = Connect(context => context.AnswerAsync(Wire.Whole("Hi", withUsage: false)));
        answer = await whole.CallAsync(stream: false);
        Assert.Equal<(string, TokenUsage?, UpstreamError?)>(("Hi", null, null), (answer.Text, answer.Usage, answer.Error));
    }

    /// <summary>Unreadable counts must not be taken for zeros, which would make the call free.</summary>
    [Fact]
    public async Task UsageWithoutReadableCounts_IsMissing()
    {
        using var streamed = Connect(context => context.SendAsync([.. Wire.Begin(), Wire.Text("Hi"), .. Wire.Finish().Select(Unreadable), .. Wire.End()]));
        var answer = await streamed.CallAsync(stream: true);
        Assert.Equal<(string, TokenUsage?, bool)>(("Hi", null, true), (answer.Text, answer.Usage, answer.IsComplete));

        using var whole = Connect(context => context.AnswerAsync(Unreadable(Wire.Whole("Hi"))));
        answer = await whole.CallAsync(stream: false);
        Assert.Equal<(string, TokenUsage?, UpstreamError?)>(("Hi", null, null), (answer.Text, answer.Usage, answer.Error));
    }

    [Fact]
    public async Task MissingMarkOfTheEnd_IsForgiven()
    {
        using var calls = Connect(context => context.SendAsync([.. Wire.Begin(), Wire.Text("Hi"), .. Wire.Finish()]));
        var answer = await calls.CallAsync(stream: true);
        Assert.Equal<(string, string?, bool)>(("Hi", "stop", true), (answer.Text, answer.Finish, answer.IsComplete));
    }

    [Fact]
    public async Task MissingReasonAndMark_IsNotComplete()
    {
        using var calls = Connect(context => context.SendAsync([.. Wire.Begin(), Wire.Text("Hi")]));
        var answer = await calls.CallAsync(stream: true);
        Assert.Equal(("Hi", false), (answer.Text, answer.IsComplete));
    }

    [Fact]
    public async Task ToolArguments_ComeTogether()
    {
        string[] fragments = ["{\"ci", "ty\": \"Z", "ürich \\\"N", "ord\\\"\"", ", \"n\": 1}"];
        using var calls = Connect(context => context.SendAsync([.. Wire.Begin(), .. Wire.Call("get_weather", fragments), .. Wire.Finish(isCall: true), .. Wire.End()]));
        var answer = await calls.CallAsync(stream: true);
        Assert.Equal<(string, string?, UpstreamError?)>(("get_weather", "tool_calls", null), (answer.Call, answer.Finish, answer.Error));
        var expected = System.Text.Json.Nodes.JsonNode.Parse(string.Concat(fragments));
        Assert.True(System.Text.Json.Nodes.JsonNode.DeepEquals(expected, System.Text.Json.Nodes.JsonNode.Parse(answer.Arguments)), answer.Arguments);
    }

    [Fact]
    public async Task LineOfOneMebibyte_Arrives()
    {
        var text = string.Concat(Enumerable.Range(0, 1024 * 1024 / 8).Select(i => $"{i % 10_000_000:D7} "));
        using var calls = Connect(context => context.SendAsync([.. Wire.Begin(), Wire.Text(text), .. Wire.Finish(), .. Wire.End()]));
        var answer = await calls.CallAsync(stream: true);
        Assert.Equal<(int, bool, UpstreamError?)>((text.Length, true, null), (answer.Text.Length, answer.Text == text, answer.Error));
    }

    [Fact]
    public async Task ErrorInsideTheStream_EndsIt_AfterWhatCameBefore()
    {
        using var calls = Connect(context => context.SendAsync([.. Wire.Begin(), Wire.Text("half"), Wire.Overloaded()]));
        var answer = await calls.CallAsync(stream: true);
        Assert.Equal(("half", false), (answer.Text, answer.IsComplete));
        Assert.Equal(UpstreamFailure.ServerError, answer.Error?.Failure);
    }

    private static string Unreadable(string usage) => Regex.Replace(usage, @":(11|7|18)\b", ":\"many\"");
}
