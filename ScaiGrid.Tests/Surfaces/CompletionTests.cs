using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Completions of a prompt by chat models.</summary>
public sealed class CompletionTests(Grid grid) : GridTest(grid)
{
    private const string Native = "/v1/inference/generate";
    private const string OpenAi = "/oai/v1/completions";

    [Fact]
    public async Task NativeAnswer_HasText()
    {
        var data = (await Admin.PostAsync(Native, new { model = "scailabs/echo", prompt = "one two", seed = 7 })).Ok();
        Assert.Equal("one two", (string?)data["choices"]![0]!["text"]);
        Assert.Equal("stop", (string?)data["choices"]![0]!["finish_reason"]);
        Assert.Equal(2, (int)data["usage"]!["completion_tokens"]!);
        Assert.StartsWith("be_", (string?)data["routing"]!["backend_id"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task OpenAiAnswer_HasItsShape()
    {
        var body = (await Admin.PostAsync(OpenAi, new { model = "scailabs/echo", prompt = new[] { "one two three" }, max_tokens = 2 })).Body();
        Assert.Equal("text_completion", (string?)body["object"]);
        Assert.Equal("scailabs/echo", (string?)body["model"]);
        Assert.Equal("one two", (string?)body["choices"]![0]!["text"]);
        Assert.Equal("length", (string?)body["choices"]![0]!["finish_reason"]);
        Assert.Equal(2, (int)body["usage"]!["completion_tokens"]!);
    }

    [Theory]
    [InlineData(Native, true)]
    [InlineData(OpenAi, false)]
    public async Task Stream_HasTheText_AndUsageWhereItIsDue(string path, bool hasUsage)
    {
        using var stream = await Admin.StreamBodyAsync(path, """{"model":"scailabs/echo","prompt":"one two","stream":true}""");
        var events = await stream.AllAsync();
        Assert.True(events[^1].IsDone);
        var chunks = events.SkipLast(1).Select(item => item.Json).ToList();
        Assert.Equal("one two", string.Concat(chunks.SelectMany(chunk => chunk["choices"]!.AsArray()).Select(choice => (string?)choice!["text"])));
        Assert.All(chunks, chunk => Assert.Equal("text_completion", (string?)chunk["object"]));
        Assert.Equal(hasUsage, chunks[^1]["usage"] is not null);
    }

    [Theory]
    [InlineData(Native)]
    [InlineData(OpenAi)]
    public async Task Refusal_IsTheText(string path)
    {
        var slug = await ConnectAsync(new UpstreamScript
        {
            Body = """{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"I will not."},"finish_reason":"stop"}]}""",
        });
        var answer = await Admin.PostAsync(path, new { model = slug, prompt = "hi" });
        Assert.Equal("I will not.", (string?)(path == Native ? answer.Ok() : answer.Body())["choices"]![0]!["text"]);

        slug = await ConnectAsync(new UpstreamScript
        {
            ContentType = "text/event-stream",
            Body = """
                data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","refusal":"I will"},"finish_reason":null}]}

                data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"refusal":" not."},"finish_reason":"stop"}]}

                data: [DONE]


                """,
        });
        using var stream = await Admin.StreamBodyAsync(path, $$"""{"model":"{{slug}}","prompt":"hi","stream":true}""");
        var chunks = (await stream.AllAsync()).SkipLast(1).SelectMany(item => item.Json["choices"]!.AsArray());
        Assert.Equal("I will not.", string.Concat(chunks.Select(choice => (string?)choice!["text"])));
    }

    [Fact]
    public async Task OtherFields_ReachTheUpstream()
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel);
        (await Admin.PostAsync(OpenAi, new { model = slug, prompt = "hi", temperature = 0.5, stop = new[] { "x" }, top_k = 3, echo = false })).Body();
        var received = JsonNode.Parse(Assert.Single(Grid.Upstream.CallsOf(upstreamModel)).Body)!.AsObject();
        Assert.Equal("hi", (string?)received["messages"]![0]!["content"]);
        Assert.Equal(0.5, (double)received["temperature"]!);
        Assert.Equal(3, (int)received["top_k"]!);
        Assert.False(received.ContainsKey("prompt"));
        Assert.False(received.ContainsKey("echo"));
    }

    [Theory]
    [InlineData("""{"model":"scailabs/echo"}""", "prompt")]
    [InlineData("""{"model":"scailabs/echo","prompt":["a","b"]}""", "prompt")]
    [InlineData("""{"model":"scailabs/echo","prompt":[1,2]}""", "prompt")]
    [InlineData("""{"model":"scailabs/echo","prompt":"a","temperature":3}""", "temperature")]
    [InlineData("""{"model":"scailabs/echo","prompt":"a","suffix":"b"}""", "suffix")]
    [InlineData("""{"model":"scailabs/echo","prompt":"a","best_of":2}""", "best_of")]
    public async Task BadField_IsNamed(string body, string field)
    {
        var error = (await Admin.SendAsync(HttpMethod.Post, Native, body)).Error(422, "VALIDATION_ERROR");
        Assert.Equal(field, (string?)error["details"]![0]!["field"]);
        (await Admin.SendAsync(HttpMethod.Post, OpenAi, body)).OpenAiError(400, "validation_error");
    }
}
