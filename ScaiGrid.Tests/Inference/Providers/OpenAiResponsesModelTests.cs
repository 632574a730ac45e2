using System.ClientModel.Primitives;
using System.Text.Json;
using OpenAI.Responses;
using Xunit;

#pragma warning disable OPENAI001 // The library marks its Responses API as experimental.

namespace ScaiGrid.Tests.Inference.Providers;

/// <summary>The vendor's own model types can read the Responses API requests that we send and the responses that we recorded.</summary>
public sealed class OpenAiResponsesModelTests
{
    private const string Folder = "openai-responses";

    /// <summary>Images in tool results are newer than the library.</summary>
    public static TheoryData<string> Requests => [.. Names("upstream-request.json").Where(name => name != "picture-from-a-tool")];

    /// <summary>Without recorded errors and responses that are invalid on purpose, which have these names.</summary>
    public static TheoryData<string> Answers => [.. Names("upstream.json").Where(name => !name.StartsWith("error", StringComparison.Ordinal) && !name.Contains("answer", StringComparison.Ordinal))];

    /// <summary>Without streams that are invalid on purpose or contain events that OpenAI does not define.</summary>
    public static TheoryData<string> Streams =>
    [
        .. Names("upstream.sse")
            .Where(name => name is not ("stream-malformed-event" or "stream-error-in-the-middle" or "stream-events-that-nobody-knows" or "stream-thinking-of-open-models")),
    ];

    [Theory]
    [MemberData(nameof(Requests))]
    public void Request_IsOfTheVendorsTypes(string name)
    {
        var request = Read(name, "upstream-request.json");
        Assert.NotNull(Model<CreateResponseOptions>(request).Model);
        using var document = JsonDocument.Parse(request);

        // An item without a type is a message.
        foreach (var item in document.RootElement.GetProperty("input").EnumerateArray().Where(item => item.TryGetProperty("type", out _)))
        {
            AssertKnown(Model<ResponseItem>(item.GetRawText()));
        }

        foreach (var tool in document.RootElement.TryGetProperty("tools", out var tools) ? tools.EnumerateArray() : default)
        {
            Assert.NotEmpty(Assert.IsType<FunctionTool>(Model<ResponseTool>(tool.GetRawText())).FunctionName);
        }
    }

    [Theory]
    [MemberData(nameof(Answers))]
    public void Answer_IsOfTheVendorsTypes(string name) => AssertWhole(Model<ResponseResult>(Read(name, "upstream.json")));

    [Theory]
    [MemberData(nameof(Streams))]
    public void Events_AreOfTheVendorsTypes(string name)
    {
        foreach (var line in Read(name, "upstream.sse").Split('\n').Where(line => line.StartsWith("data: ", StringComparison.Ordinal)))
        {
            var update = Model<StreamingResponseUpdate>(line[6..]);
            AssertKnown(update);
            if (update is StreamingResponseCompletedUpdate completed)
            {
                AssertWhole(completed.Response);
            }
        }
    }

    private static void AssertWhole(ResponseResult response)
    {
        Assert.NotNull(response.Id);
        Assert.NotNull(response.Usage);
        Assert.All(response.OutputItems, AssertKnown);
    }

    // The library reads what it does not know into types of its own, which have "Unknown" in their names.
    private static void AssertKnown(object model) => Assert.DoesNotContain("Unknown", model.GetType().Name, StringComparison.Ordinal);

    private static IEnumerable<string> Names(string file) =>
        RecordedExchange.All.Where(exchange => exchange.Provider == Folder && new RecordedExchange(Folder, exchange.Name).Exists(file)).Select(exchange => exchange.Name);

    private static string Read(string name, string file) => new RecordedExchange(Folder, name).Read(file);

    private static T Model<T>(string json)
        where T : IPersistableModel<T> => ModelReaderWriter.Read<T>(BinaryData.FromString(json))!;
}
