using System.Text;
using ScaiGrid.Inference.Admission;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Streaming;
using Xunit;

namespace ScaiGrid.Tests.Inference.Admission;

public sealed class ChatBoundsTests
{
    private const int Unbounded = 777;
    private const string Text = """{"model":"m","messages":[{"role":"user","content":"hi"}]}""";
    private const string Image = """{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x"}}]}]}""";

    [Theory]
    [InlineData("", null, null, null, Unbounded, Unbounded)]
    [InlineData("", null, 500, null, 500, 500)]
    [InlineData("", 2000, null, null, Unbounded, Unbounded)]
    [InlineData("", 500, null, null, 500 - 57, 500 - 57)]
    [InlineData("", 60, null, null, 15, 15)]
    [InlineData("", 24, null, null, 5, 5)]
    [InlineData("", 18, null, null, 1, 1)]
    [InlineData("", 1, null, null, 1, 1)]
    [InlineData("", 500, 500, null, 500 - 57, 500 - 57)]
    [InlineData("", 2000, 500, null, 500, 500)]
    [InlineData("\"max_tokens\":100,", null, 500, null, 100, null)]
    [InlineData("\"max_tokens\":900,", null, 500, null, 500, null)]
    [InlineData("\"max_completion_tokens\":100,\"max_tokens\":200,", null, null, null, 100, null)]
    [InlineData("\"max_tokens\":100,\"n\":4,", null, null, null, 400, null)]
    [InlineData("", null, 500, """{"max_tokens":50}""", 50, null)]
    [InlineData("\"max_tokens\":100,", null, 500, """{"max_tokens":50}""", 100, null)]
    [InlineData("\"max_tokens\":100,", null, null, """{"n":4}""", 400, null)]
    [InlineData("\"max_tokens\":100,\"n\":2,", null, null, """{"n":4}""", 200, null)]
    [InlineData("", null, null, """{"max_tokens":50,"max_completion_tokens":40}""", 50, null)]
    public void Output_IsTheSmallestBoundThatHolds(string fields, int? window, int? maxOutput, string? defaults, int output, int? sent)
    {
        using var request = Read(Text.Replace("{\"model\"", "{" + fields + "\"model\"", StringComparison.Ordinal));
        var route = Routes.Make(window: window, maxOutput: maxOutput, defaults: defaults);
        Assert.Equal(output, ChatBounds.Of(request, route, Unbounded).Highest.Completion);
        Assert.Equal(sent, ChatBounds.ToSend(request, route, Unbounded));
    }

    [Fact]
    public void Prompt_IsItsBytes_OrTheWindow()
    {
        using var text = Read(Text);
        using var image = Read(Image);
        Assert.Equal(Text.Length, ChatBounds.Of(text, Routes.Make(), Unbounded).Highest.Prompt);
        Assert.Equal(20, ChatBounds.Of(text, Routes.Make(window: 20), Unbounded).Highest.Prompt);
        Assert.Equal(Text.Length + 4, ChatBounds.Of(text, Routes.Make(systemPrompt: "€."), Unbounded).Highest.Prompt);
        Assert.Equal(Text.Length + """{"tools":[]}""".Length, ChatBounds.Of(text, Routes.Make(defaults: """{"tools":[]}"""), Unbounded).Highest.Prompt);
        Assert.Equal(128_000, ChatBounds.Of(image, Routes.Make(window: 128_000), Unbounded).Highest.Prompt);
    }

    [Theory]
    [InlineData("""{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x"}}]}""", 1)]
    [InlineData("""{"role":"user","content":[{"type":"file","file":{"file_id":"f"}},{"type":"text","text":"hi"},{"type":"file","file":{"file_id":"g"}}]}""", 2)]
    [InlineData("""{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]},{"role":"user","content":[{"type":"file","file":{"file_id":"g"}}]}""", 2)]
    [InlineData("""{"role":"assistant","content":null,"audio":{"id":"audio_1"}},{"role":"user","content":"hi"}""", 1)]
    [InlineData("""{"role":"assistant","content":"hi","audio":null},{"role":"user","content":"hi"}""", 0)]
    public void EveryPartThatIsNotText_CountsWhereNoWindowIsKnown(string messages, int media)
    {
        using var request = Read($$"""{"model":"m","messages":[{{messages}}]}""");
        Assert.Equal(request.Body.Length + (100_000L * media), ChatBounds.Of(request, Routes.Make(), Unbounded).Highest.Prompt);
    }

    [Theory]
    [InlineData("""{"type":"video_url","video_url":{"url":"https://x/film.mp4"}}""", true)]
    [InlineData("""{"type":"input_audio","input_audio":{"data":"AA==","format":"wav"}}""", true)]
    [InlineData("""{"type":"file","file":{"file_id":"f"}}""", true)]
    [InlineData("""{"type":"image\u005furl","image\u005furl":{"url":"https://x"}}""", true)]
    [InlineData("""{"t\u0079pe":"image_url","image_url":{"url":"https://x"}}""", true)]
    [InlineData("""{"type":"text","text":"hi"},{"type":"audio_url","audio_url":{"url":"https://x"}}""", true)]
    [InlineData("""{"image_url":{"url":"https://x"}}""", true)]
    [InlineData("""{"type":"thinking","thinking":[{"type":"text","text":"Hm."}]}""", false)]
    [InlineData("""{"type":"text","text":"hi","x":{"type":"image_url"}}""", false)]
    [InlineData("""{"type":"t\u0065xt","text":"the \"file\" of an \"image_url\""}""", false)]
    [InlineData("""{"type":"refusal","refusal":"\"file\""}""", false)]
    [InlineData("\"hi\"", false)]
    public void Part_ThatIsNotText_MayFillTheWindow(string parts, bool isMedia)
    {
        using var request = Read($$"""{"model":"m","messages":[{"role":"user","content":[{{parts}}]},{"role":"user","content":"hi"}]}""");
        var prompt = ChatBounds.Of(request, Routes.Make(window: 128_000), Unbounded).Highest.Prompt;
        Assert.Equal(isMedia ? 128_000 : request.Body.Length, prompt);
    }

    private static ChatRequest Read(string body)
    {
        var bytes = new PooledBytes();
        bytes.Append(Encoding.UTF8.GetBytes(body));
        var request = ChatRequestReader.Read(bytes, out var problem);
        Assert.True(request is not null, problem?.Text);
        return request;
    }
}
