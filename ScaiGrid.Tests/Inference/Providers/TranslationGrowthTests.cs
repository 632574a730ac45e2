using System.Diagnostics;
using System.Text;
using System.Text.Json;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Providers.Anthropic;
using ScaiGrid.Inference.Providers.Google;
using ScaiGrid.Inference.Providers.Mistral;
using ScaiGrid.Inference.Providers.OpenAi;
using ScaiGrid.Inference.Responses;
using ScaiGrid.Inference.Streaming;
using Xunit;

namespace ScaiGrid.Tests.Inference.Providers;

/// <summary>The time of a translation is linear in the size of the request. If it were quadratic, one request could occupy a thread for minutes.</summary>
public sealed class TranslationGrowthTests
{
    private const int Few = 2_000;
    private const int Times = 16;

    [Fact]
    public void SystemMessagesToMistral_GrowWithTheirNumber() => GrowsAsSent(
        count => Chat($$"""{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},{{Repeat(count, _ => """{"role":"system","content":"s"}""")}},{"role":"user","content":"Bye"}"""),
        bytes => Translate(new MistralFormat("mistral-medium-latest"), bytes));

    [Fact]
    public void KeywordsOfASchemaToGoogle_GrowWithTheirNumber() => GrowsAsSent(
        count => Chat(
            """{"role":"user","content":"Hi"}""",
            $$""","tools":[{"type":"function","function":{"name":"f","parameters":{"const":1,{{Repeat(count, i => $"\"x{i}\":1")}} } } }]"""),
        bytes => Translate(new GoogleFormat(new GoogleModel("gemini-3-flash", ThinksByLevel: true), TimeProvider.System), bytes));

    [Fact]
    public void CallsOfOneIdToAnthropic_GrowWithTheirNumber() => GrowsAsSent(
        count => Chat($$"""{"role":"user","content":"Hi"},{"role":"assistant","tool_calls":[{{Repeat(count, _ => """{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}""")}}]}"""),
        bytes => Translate(new AnthropicFormat(AnthropicModel.Of("claude-opus-5", new ProviderSettings([])), TimeProvider.System), bytes));

    [Fact]
    public void ItemsOfATurnToOpenAi_GrowWithTheirNumber() => GrowsAsSent(
        count => Chat($$$$"""
            {"role":"user","content":"Hi"},{"role":"assistant","content":"{{{{Repeat(count, _ => "a")}}}},","tool_calls":[{{{{Repeat(count, _ => """{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}""")}}}}],
            "extra_content":{"openai":{"backend":"b","items":[{{{{Repeat(count, _ => """{"type":"reasoning","encrypted_content":"g"},{"type":"message","length":2},{"type":"function_call"}""")}}}}]}}}
            """),
        bytes => Translate(new OpenAiResponsesFormat(new OpenAiResponsesModel("gpt-5.6", "b", Summary: null), TimeProvider.System), bytes));

    [Fact]
    public void ItemsOfAResponse_GrowWithTheirNumber() => GrowsAsSent(
        count => Encoding.UTF8.GetBytes($"[{Repeat(count, _ => """{"role":"user","content":[{"type":"input_text","text":"Hi"}]}""")}]"),
        TranslateItems);

    [Fact]
    public void PartsOfAnItem_GrowWithTheirNumber() => GrowsAsSent(
        count => Encoding.UTF8.GetBytes($$"""[{"role":"user","content":[{{Repeat(count, _ => """{"type":"input_text","text":"Hi"}""")}}]}]"""),
        TranslateItems);

    [Fact]
    public void CallsOfOneIdInAResponse_GrowWithTheirNumber() => GrowsAsSent(
        count => Encoding.UTF8.GetBytes($$"""
            [{"type":"reasoning","summary":[],"encrypted_content":"{{Carrier(new string('A', count * 20))}}"},
             {{Repeat(count, _ => """{"type":"function_call","call_id":"a","name":"f","arguments":"{}"}""")}}]
            """),
        TranslateItems);

    [Fact]
    public void PiecesOfOneReasoningDetail_GrowWithTheirNumber() => GrowsAsSent(
        count => Encoding.UTF8.GetBytes($$"""
            [{"type":"reasoning","summary":[],"encrypted_content":"{{Base64($$"""{"maker":"x","details":[{{Repeat(count, _ => $$"""{"index":0,"text":"{{new string('a', 100)}}"}""")}}]}""")}}"}]
            """),
        TranslateItems);

    private static void GrowsAsSent(Func<int, byte[]> make, Action<byte[]> translate)
    {
        var (few, many) = (make(Few), make(Few * Times));
        translate(few);

        // Quadratic growth takes 256 times as long in every measurement; a busy machine does not slow down all of them.
        var ratios = new List<double>();
        while (ratios.Count < 4 && !ratios.Exists(ratio => ratio < Times * Times / 3))
        {
            ratios.Add(Least(translate, many) / Least(translate, few));
        }

        Assert.True(ratios[^1] < Times * Times / 3, $"{Times} times as much took {ratios.Min():F0} times as long.");
    }

    // The shortest of several runs, because the others include the load of other processes.
    private static double Least(Action<byte[]> translate, byte[] bytes) => Enumerable.Range(0, 5).Min(_ =>
    {
        var start = Stopwatch.GetTimestamp();
        translate(bytes);
        return Stopwatch.GetElapsedTime(start).TotalMicroseconds;
    });

    private static void Translate(ChatFormat format, byte[] bytes)
    {
        var body = new PooledBytes();
        body.Append(bytes);
        var request = ChatRequestReader.Read(body, out var problem);
        Assert.True(request is not null, problem?.Text);
        using (request)
        using (format.WriteRequest(request, Routes.Make(), out var refused))
        {
            Assert.Null(refused);
        }
    }

    private static byte[] Chat(string messages, string more = "") => Encoding.UTF8.GetBytes($$"""{"model":"m","messages":[{{messages}}]{{more}}}""");

    private static string Carrier(string text) => Base64($$"""{"maker":"x","calls":{"a":{"p":"{{text}}"} } }""");

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private static string Repeat(int count, Func<int, string> one) => string.Join(',', Enumerable.Range(0, count).Select(one));

    private static void TranslateItems(byte[] bytes)
    {
        using var input = JsonDocument.Parse(bytes);
        using var output = new PooledBytes();
        using var writer = new Utf8JsonWriter(output, new JsonWriterOptions { SkipValidation = true });
        var mistakes = new Mistakes();
        new InputItems(writer, [], mistakes).Write(input.RootElement);
        Assert.Empty(mistakes);
    }
}
