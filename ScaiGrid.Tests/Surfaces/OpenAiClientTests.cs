using System.ClientModel;
using System.Text;
using OpenAI;
using OpenAI.Chat;
using OpenAI.Models;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>OpenAI's own .NET client with <c>/oai/v1</c>, as a client that we did not write.</summary>
public sealed class OpenAiClientTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task Completion_Works()
    {
        var slug = await ConnectAsync(new UpstreamScript());
        ChatCompletion completion = await Client(Admin.Key!).GetChatClient(slug).CompleteChatAsync("hi");
        Assert.Equal("Hello world", completion.Content[0].Text);
        Assert.Equal(ChatFinishReason.Stop, completion.FinishReason);
        Assert.Equal(slug, completion.Model);
        Assert.Equal(11, completion.Usage.InputTokenCount);
        Assert.Equal(7, completion.Usage.OutputTokenCount);
    }

    [Fact]
    public async Task Stream_Works()
    {
        var text = new StringBuilder();
        ChatTokenUsage? usage = null;
        await foreach (var update in Client(Admin.Key!).GetChatClient("scailabs/echo").CompleteChatStreamingAsync("one two three"))
        {
            text.Append(string.Concat(update.ContentUpdate.Select(part => part.Text)));
            usage = update.Usage ?? usage;
        }

        Assert.Equal("one two three", text.ToString());
        Assert.NotNull(usage);
        Assert.Equal(3, usage.OutputTokenCount);
    }

    [Fact]
    public async Task ToolCall_Works()
    {
        var tool = ChatTool.CreateFunctionTool("weather", "Weather of a city", BinaryData.FromString("""{"type":"object","properties":{"input":{"type":"string"}}}"""));
        var options = new ChatCompletionOptions { Tools = { tool }, ToolChoice = ChatToolChoice.CreateRequiredChoice() };
        ChatCompletion completion = await Client(Admin.Key!).GetChatClient("scailabs/echo").CompleteChatAsync([new UserChatMessage("Paris")], options);
        var call = Assert.Single(completion.ToolCalls);
        Assert.Equal("weather", call.FunctionName);
        Assert.Equal("""{"input":"Paris"}""", call.FunctionArguments.ToString());

        ChatCompletion second = await Client(Admin.Key!).GetChatClient("scailabs/echo").CompleteChatAsync(
            [new UserChatMessage("Paris"), new AssistantChatMessage(completion), new ToolChatMessage(call.Id, "sunny")],
            new ChatCompletionOptions { Tools = { tool } });
        Assert.Equal("sunny", second.Content[0].Text);
    }

    [Fact]
    public async Task ModelList_Works()
    {
        OpenAIModelCollection models = await Client(Admin.Key!).GetOpenAIModelClient().GetModelsAsync();
        Assert.Contains(models, model => model.Id == "scailabs/echo");
        OpenAIModel one = await Client(Admin.Key!).GetOpenAIModelClient().GetModelAsync("scailabs/echo");
        Assert.Equal("scailabs/echo", one.Id);
    }

    private OpenAIClient Client(string key) =>
        new(new ApiKeyCredential(key), new OpenAIClientOptions { Endpoint = new Uri(Admin.BaseAddress, "/oai/v1") });
}
