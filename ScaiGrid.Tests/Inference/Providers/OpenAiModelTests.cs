using System.ClientModel.Primitives;
using OpenAI.Chat;
using Xunit;

namespace ScaiGrid.Tests.Inference.Providers;

/// <summary>OpenAI's client library can read our responses, whichever provider produced them.</summary>
public sealed class OpenAiModelTests
{
    public static TheoryData<string, string> Completions => [.. Having("response.json")];

    public static TheoryData<string, string> Streams => [.. Having("response.sse")];

    [Theory]
    [MemberData(nameof(Completions))]
    public void Completion_IsOfTheVendorsTypes(string provider, string name)
    {
        var completion = ModelReaderWriter.Read<ChatCompletion>(BinaryData.FromString(new RecordedExchange(provider, name).Read("response.json")))!;
        Assert.NotNull(completion.Id);

        // A truncated response may contain a tool call, which is then truncated as well.
        Assert.Equal(completion.FinishReason == ChatFinishReason.ToolCalls, completion.ToolCalls.Count > 0 && completion.FinishReason != ChatFinishReason.Length);
        Assert.All(completion.ToolCalls, call => Assert.NotEmpty(call.FunctionName));
    }

    [Theory]
    [MemberData(nameof(Streams))]
    public void Chunks_AreOfTheVendorsTypes(string provider, string name)
    {
        var chunks = new RecordedExchange(provider, name).Read("response.sse").Split('\n').Where(line => line.StartsWith("data: ", StringComparison.Ordinal));
        var updates = chunks.Select(chunk => ModelReaderWriter.Read<StreamingChatCompletionUpdate>(BinaryData.FromString(chunk[6..]))!).ToList();
        Assert.Single(updates.Select(update => update.CompletionId).Where(id => !string.IsNullOrEmpty(id)).Distinct());
    }

    private static IEnumerable<TheoryDataRow<string, string>> Having(string file) =>
        RecordedExchange.All.Where(exchange => new RecordedExchange(exchange.Provider, exchange.Name).Exists(file) && new FileInfo(Path.Combine(RecordedExchange.Folder, exchange.Provider, exchange.Name, file)).Length > 0)
            .Select(exchange => new TheoryDataRow<string, string>(exchange.Provider, exchange.Name));
}
