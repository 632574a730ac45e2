using Xunit;

namespace ScaiGrid.Tests.Inference.Providers.Conformance;

public sealed class OpenAiConformance(ScriptedUpstream upstream) : ChatProviderConformance(upstream, "openai"), IClassFixture<ScriptedUpstream>;

public sealed class OpenAiResponsesConformance(ScriptedUpstream upstream) : ChatProviderConformance(upstream, "openai-responses"), IClassFixture<ScriptedUpstream>;

public sealed class CustomConformance(ScriptedUpstream upstream) : ChatProviderConformance(upstream, "custom"), IClassFixture<ScriptedUpstream>;

public sealed class AzureConformance(ScriptedUpstream upstream) : ChatProviderConformance(upstream, "azure"), IClassFixture<ScriptedUpstream>;

public sealed class MistralConformance(ScriptedUpstream upstream) : ChatProviderConformance(upstream, "mistral"), IClassFixture<ScriptedUpstream>;

public sealed class QwenConformance(ScriptedUpstream upstream) : ChatProviderConformance(upstream, "qwen"), IClassFixture<ScriptedUpstream>;

public sealed class AnthropicConformance(ScriptedUpstream upstream) : ChatProviderConformance(upstream, "anthropic"), IClassFixture<ScriptedUpstream>;

public sealed class GoogleConformance(ScriptedUpstream upstream) : ChatProviderConformance(upstream, "google"), IClassFixture<ScriptedUpstream>
{
    /// <summary>Clients use the id to tell responses apart and to assemble chunks.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AnswerWithoutAnId_GetsOneOfOurs(bool stream)
    {
        string[] events = [Wire.Text("Grüezi "), Wire.Text("Zürich"), .. Wire.Finish()];
        using var calls = Connect(context => stream
            ? context.SendAsync(events.Select(text => text.Replace(",\"responseId\":\"r1\"", "", StringComparison.Ordinal)))
            : context.AnswerAsync(Wire.Whole("Grüezi Zürich").Replace("\"r1\"", "\"\"", StringComparison.Ordinal)));
        var answer = await calls.CallAsync(stream);
        Assert.Equal("Grüezi Zürich", answer.Text);
        Assert.StartsWith("chatcmpl_", answer.Id, StringComparison.Ordinal);
    }
}
