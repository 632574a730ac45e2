using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ScaiGrid.Inference.Metering;
using ScaiGrid.Inference.Streaming;
using ScaiGrid.Inference.Surfaces;
using Xunit;

namespace ScaiGrid.Tests.Inference;

public sealed class ChunkViewTests
{
    [Theory]
    [InlineData("""{"id":"1","choices":[{"delta":{"content":"a\"b"}}],"usage":{"prompt_tokens":1}}""", """{"id":"1","choices":[{"delta":{"content":"a\"b"}}]}""")]
    [InlineData("""{"usage":{"prompt_tokens":1},"id":"1","choices":[]}""", """{"id":"1","choices":[]}""")]
    [InlineData("""{ "id" : "1" , "usage" : null , "choices" : [] }""", """{"id":"1","choices":[]}""")]
    [InlineData("""{"usage":{"prompt_tokens":1}}""", "{}")]
    public void UsageProperty_CutOut_LeavesValidJson(string json, string expected)
    {
        var view = ChunkView.Scan(Encoding.UTF8.GetBytes(json), output: null);
        var rest = view.Json.Span[..view.UsageProperty.Start].ToArray().Concat(view.Json.Span[view.UsageProperty.End..].ToArray());
        Assert.Equal(JsonNode.Parse(expected)!.ToJsonString(), JsonNode.Parse(rest.ToArray())!.ToJsonString());
    }

    [Theory]
    [InlineData("""{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}""", 10, 5, 0, 0)]
    [InlineData("""{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":3,"audio_tokens":0}}""", 10, 5, 4, 3)]
    [InlineData("""{"prompt_tokens":10,"completion_tokens":null,"prompt_tokens_details":null}""", 10, 0, 0, 0, true)]
    [InlineData("""{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":11}}""", 10, 5, 10, 0)]
    [InlineData("""{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"cached_tokens":4}""", 10, 5, 4, 0)]
    [InlineData("""{"prompt_tokens":10,"completion_tokens":5,"prompt_cache_hit_tokens":4,"prompt_cache_miss_tokens":6}""", 10, 5, 4, 0)]
    [InlineData("""{"cached_tokens":3,"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4}}""", 10, 5, 4, 0)]
    [InlineData("""{"prompt_tokens":32,"completion_tokens":9,"total_tokens":135,"completion_tokens_details":{"reasoning_tokens":94}}""", 32, 103, 0, 94)]
    [InlineData("""{"prompt_tokens":21,"completion_tokens":0,"total_tokens":81,"completion_tokens_details":{"reasoning_tokens":60}}""", 21, 60, 0, 60)]
    [InlineData("""{"prompt_tokens":32,"completion_tokens":9,"completion_tokens_details":{"reasoning_tokens":94}}""", 32, 103, 0, 94)]
    [InlineData("""{"prompt_tokens":32,"completion_tokens":103,"total_tokens":135,"completion_tokens_details":{"reasoning_tokens":94}}""", 32, 103, 0, 94)]
    [InlineData("""{"prompt_tokens":32,"completion_tokens":103,"completion_tokens_details":{"reasoning_tokens":94}}""", 32, 103, 0, 94)]
    [InlineData("""{"prompt_tokens":12,"completion_tokens":5,"input_tokens":0,"output_tokens":0,"total_tokens":17}""", 12, 5, 0, 0)]
    [InlineData("""{"input_tokens":0,"output_tokens":null,"prompt_tokens":12,"completion_tokens":5}""", 12, 5, 0, 0)]
    [InlineData("""{"prompt_tokens":10,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":0},"prompt_cache_hit_tokens":4}""", 10, 5, 4, 0)]
    [InlineData("""{"x":{"prompt_tokens":9},"prompt_tokens":10,"completion_tokens":5}""", 10, 5, 0, 0)]
    [InlineData("""{"prompt_tokens":10.0,"completion_tokens":5e0,"prompt_tokens_details":{"cached_tokens":2.0}}""", 10, 5, 2, 0)]
    public void Usage_IsRead(string usage, int prompt, int completion, int cached, int reasoning, bool lacksCompletion = false)
    {
        var view = ChunkView.Scan(Encoding.UTF8.GetBytes($$"""{"choices":[],"usage":{{usage}}}"""), output: null);
        Assert.Equal(new TokenUsage(prompt, completion, cached, reasoning) { LacksCompletion = lacksCompletion }, view.Usage);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("\"none\"")]
    [InlineData("""{"prompt_tokens":-1,"completion_tokens":1.5}""")]
    [InlineData("""{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}""")]
    [InlineData("""{"prompt_tokens":1e999,"completion_tokens":1}""")]
    [InlineData("""{"prompt_tokens":9223372036854775807,"completion_tokens":9223372036854775807}""")]
    public void UsageWithoutCounts_IsNone(string usage) =>
        Assert.Null(ChunkView.Scan(Encoding.UTF8.GetBytes($$"""{"choices":[],"usage":{{usage}}}"""), output: null).Usage);

    [Fact]
    public void Output_IsTextReasoningAndArguments()
    {
        using var output = new PooledBytes();
        const string Json = """
            {"model":"m","content":"not this","choices":[{"index":0,"delta":{"role":"assistant","content":"a\né","reasoning_content":"b",
             "tool_calls":[{"id":"c","function":{"name":"f","arguments":"{\"x\":1}"}}]},"finish_reason":null}]}
            """;
        var view = ChunkView.Scan(Encoding.UTF8.GetBytes(Json), output);
        Assert.Equal("a\néb{\"x\":1}", Encoding.UTF8.GetString(output.Span));
        Assert.True(view.HasChoices);
        Assert.False(view.HasFinish);
        Assert.Equal("\"m\"", Encoding.UTF8.GetString(view.Json.Span.Slice(view.Model.Start, view.Model.Length)));
    }

    [Theory]
    [InlineData("""{"choices":[{}]}""", true)]
    [InlineData("""{"choices":[[],{}]}""", true)]
    [InlineData("""{"choices":[[{}]]}""", false)]
    [InlineData("""{"choices":[]}""", false)]
    public void Choice_IsAnObjectAmongThem(string json, bool hasChoices) =>
        Assert.Equal(hasChoices, ChunkView.Scan(Encoding.UTF8.GetBytes(json), output: null).HasChoices);

    [Theory]
    [InlineData("\"stop\"", true, "stop")]
    [InlineData("\"whatever\"", true, "stop")]
    [InlineData("\"\"", false, null)]
    [InlineData("null", false, null)]
    public void FinishReasonOfNothing_IsNone(string finish, bool hasFinish, string? told)
    {
        var json = Encoding.UTF8.GetBytes($$"""{"choices":[{"delta":{"content":"a"},"finish_reason":{{finish}}}]}""");
        Assert.Equal(hasFinish, ChunkView.Scan(json, output: null).HasFinish);
        Assert.Equal(told, Assert.Single(ChatAnswer.Parse(json).Choices).FinishReason);
    }

    [Fact]
    public void EmojiSplitOverTwoChunks_IsRead()
    {
        using var output = new PooledBytes();
        ChunkView.Scan("""{"choices":[{"delta":{"content":"a\ud83d"}}]}"""u8.ToArray(), output);
        ChunkView.Scan("""{"choices":[{"delta":{"content":"\ude00b"}}]}"""u8.ToArray(), output);
        Assert.Equal("""a\ud83d\ude00b""", Encoding.UTF8.GetString(output.Span));
    }

    [Theory]
    [InlineData("""{"usage":{"prompt_tokens":1,"completion_tokens":1}""")]
    [InlineData("""{"usage":null""")]
    [InlineData("""{"choices":[""")]
    [InlineData("""{"\ud800":1}""")]
    public void CutDocument_IsNotJson(string json) =>
        Assert.ThrowsAny<JsonException>(() => ChunkView.Scan(Encoding.UTF8.GetBytes(json), output: null));

    [Fact]
    public void InvalidUtf8_IsNotJson() =>
        Assert.ThrowsAny<JsonException>(() => ChunkView.Scan((byte[])[.. "{\"id\":\""u8, 0xFF, .. "\"}"u8], output: null));

    [Fact]
    public void ErrorDocument_IsSeen()
    {
        Assert.True(ChunkView.Scan("""{"error":{"message":"x"}}"""u8.ToArray(), output: null).IsError);
        Assert.True(ChunkView.Scan("""{"error":{"message":"x"},"object":null}"""u8.ToArray(), output: null).IsError);
        Assert.True(ChunkView.Scan("""{"error":{"message":"x"},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"""u8.ToArray(), output: null).IsError);
        Assert.True(ChunkView.Scan("""{"choices":[{"delta":{"content":""},"finish_reason":"error"}],"error":{"message":"x"}}"""u8.ToArray(), output: null).IsError);
        Assert.False(ChunkView.Scan("""{"error":{"message":"x"},"choices":[{"finish_reason":"stop"}]}"""u8.ToArray(), output: null).IsError);
        Assert.False(ChunkView.Scan("""{"choices":[{"finish_reason":"error"}]}"""u8.ToArray(), output: null).IsError);
        Assert.True(ChunkView.Scan("""{"choices":[{"delta":{},"error":{"message":"x"},"finish_reason":"error"}]}"""u8.ToArray(), output: null).IsError);
        Assert.False(ChunkView.Scan("""{"choices":[{"delta":{},"error":null,"finish_reason":"error"}]}"""u8.ToArray(), output: null).IsError);
        Assert.False(ChunkView.Scan("""{"choices":[{"delta":{"error":"x"},"finish_reason":"error"}]}"""u8.ToArray(), output: null).IsError);
        Assert.True(ChunkView.Scan("""{"choices":[{"finish_reason":"abort"}]}"""u8.ToArray(), output: null).IsError);
        Assert.True(ChunkView.Scan("""{"choices":[{"finish_reason":"insufficient_system_resource"}]}"""u8.ToArray(), output: null).IsError);
        Assert.False(ChunkView.Scan("""{"choices":[{"error":{"finish_reason":"error"},"finish_reason":"stop"}]}"""u8.ToArray(), output: null).IsError);
        Assert.False(ChunkView.Scan("""{"error":null,"choices":[{"finish_reason":"stop"}]}"""u8.ToArray(), output: null).IsError);
    }
}
