using System.Text;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Providers.Anthropic;
using ScaiGrid.Inference.Streaming;
using Xunit;

namespace ScaiGrid.Tests.Inference.Providers;

/// <summary>Half of a surrogate pair. A recorded exchange cannot contain it, because the comparison of documents does not accept it as JSON.</summary>
public sealed class AnthropicTurnTests
{
    [Theory]
    [InlineData(""" "Half \ud83d","extra_content":{"anthropic":{"thinking_blocks":[{"type":"thinking","thinking":"t","signature":"s"}],"block_order":[5,"thinking",1]}} """, """{"type":"text","text":"Half "},{"type":"thinking","thinking":"t","signature":"s"},{"type":"text","text":"\ud83d"}""")]
    [InlineData(""" "Half \ud83d" """, """[{"type":"text","text":"Half \ud83d"}]""")]
    public void HalfACharacterOfTheAssistant_StaysAsItIsWritten(string content, string expected)
    {
        var body = new PooledBytes();
        body.Append(Encoding.UTF8.GetBytes($$"""{"model":"m","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":{{content}}}]}"""));
        var request = ChatRequestReader.Read(body, out var problem);
        Assert.True(request is not null, problem?.Text);
        var format = new AnthropicFormat(AnthropicModel.Of("claude-opus-4-5", new ProviderSettings([])), TimeProvider.System);
        using (request)
        using (var sent = format.WriteRequest(request, Routes.Make(), out var refused))
        {
            Assert.Null(refused);
            Assert.Contains(expected, Encoding.UTF8.GetString(sent!.Span), StringComparison.Ordinal);
        }
    }
}
