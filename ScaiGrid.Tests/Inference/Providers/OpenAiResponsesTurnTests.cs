using System.Text;
using ScaiGrid.Inference.Pipeline;
using ScaiGrid.Inference.Providers.OpenAi;
using ScaiGrid.Inference.Streaming;
using Xunit;

namespace ScaiGrid.Tests.Inference.Providers;

/// <summary>Half of a surrogate pair. A recorded exchange cannot contain it, because the comparison of documents does not accept it as JSON.</summary>
public sealed class OpenAiResponsesTurnTests
{
    private const string Items = """{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"g"},{"type":"message","length":5},{"type":"reasoning","id":"rs_2","summary":[],"encrypted_content":"h"},{"type":"message","length":1}""";

    [Theory]
    [InlineData("""{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"g"},{"role":"assistant","content":"Half "},{"type":"reasoning","id":"rs_2","summary":[],"encrypted_content":"h"},{"role":"assistant","content":"\ud83d"}""", Items)]
    [InlineData("""{"role":"assistant","content":"Half \ud83d"}""", "")]
    public void HalfACharacterOfTheAssistant_StaysAsItIsWritten(string expected, string items)
    {
        var body = new PooledBytes();
        body.Append(Encoding.UTF8.GetBytes($$$$"""{"model":"m","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Half \ud83d","extra_content":{"openai":{"backend":"be_1","items":[{{{{items}}}}]}}}]}"""));
        var request = ChatRequestReader.Read(body, out var problem);
        Assert.True(request is not null, problem?.Text);
        var format = new OpenAiResponsesFormat(new OpenAiResponsesModel("gpt-5.6", "be_1", Summary: null), TimeProvider.System);
        using (request)
        using (var sent = format.WriteRequest(request, Routes.Make(), out var refused))
        {
            Assert.Null(refused);
            Assert.Contains($"{expected}]", Encoding.UTF8.GetString(sent!.Span), StringComparison.Ordinal);
        }
    }
}
