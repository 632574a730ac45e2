using System.Text;
using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Responses;
using ScaiGrid.Inference.Streaming;
using Xunit;

namespace ScaiGrid.Tests.Inference;

/// <summary>Conversion of the items of a Responses request to chat messages.</summary>
public sealed class InputItemsTests
{
    private const string Call = """{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"}""";
    private const string Calls = ""","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]""";
    private const string Output = """{"type":"function_call_output","call_id":"c1","output":"1"}""";
    private const string Result = """{"role":"tool","tool_call_id":"c1","content":"1"}""";

    [Theory]
    [InlineData($$"""{"role":"assistant","content":"a"},{{Call}},{{Output}}""", $$"""{"role":"assistant","content":"a"{{Calls}}},{{Result}}""")]
    [InlineData($$"""{{Call}},{"role":"assistant","content":"a"},{{Output}}""", $$"""{"role":"assistant","content":"a"{{Calls}}},{{Result}}""")]
    [InlineData(
        $$"""{"role":"assistant","content":"a"},{{Call}},{"role":"assistant","content":[{"type":"output_text","text":"b"}]},{{Output}}""",
        $$"""{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]{{Calls}}},{{Result}}""")]
    [InlineData(
        $$"""{{Call}},{{Output}},{"role":"assistant","content":"a"},{"role":"assistant","content":"b"}""",
        $$"""{"role":"assistant","content":null{{Calls}}},{{Result}},{"role":"assistant","content":"a"},{"role":"assistant","content":"b"}""")]
    public void AssistantsTextBesideItsCalls_IsOfTheirMessage(string items, string messages)
    {
        using var input = JsonDocument.Parse($"[{items}]");
        using var output = new PooledBytes();
        using var writer = new Utf8JsonWriter(output);
        var mistakes = new Mistakes();
        writer.WriteStartArray();
        new InputItems(writer, [], mistakes).Write(input.RootElement);
        writer.WriteEndArray();
        writer.Flush();
        Assert.Empty(mistakes);
        Assert.Equal($"[{messages}]", Encoding.UTF8.GetString(output.Span));
    }

    /// <summary>A request of 32 MiB could contain millions of mistakes.</summary>
    [Theory]
    [InlineData("1")]
    [InlineData("""{"role":"user","content":[1,1,1,1,1,1,1]}""")]
    public void MistakesWithoutEnd_AreCut(string item)
    {
        using var input = JsonDocument.Parse($"[{string.Join(',', Enumerable.Repeat(item, 1000))}]");
        using var output = new PooledBytes();
        using var writer = new Utf8JsonWriter(output);
        var mistakes = new Mistakes();
        writer.WriteStartArray();
        new InputItems(writer, [], mistakes).Write(input.RootElement);
        Assert.Equal(20, mistakes.Count);
    }
}
