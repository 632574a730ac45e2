using System.Text;
using System.Text.Json;
using Anthropic.Models.Messages;
using Xunit;

namespace ScaiGrid.Tests.Inference.Providers;

/// <summary>The vendor's own model types can read the requests that we send and the responses that we recorded.</summary>
public sealed class AnthropicModelTests
{
    public static TheoryData<string> Requests => [.. Names("upstream-request.json")];

    /// <summary>Without recorded errors and responses that are invalid on purpose, which have these names.</summary>
    public static TheoryData<string> Answers => [.. Names("upstream.json").Where(name => !name.StartsWith("error", StringComparison.Ordinal) && !name.Contains("answer", StringComparison.Ordinal))];

    public static TheoryData<string> Streams => [.. Names("upstream.sse").Where(name => name is not ("malformed-event" or "event-with-an-unreadable-name" or "stream-without-start"))];

    [Theory]
    [MemberData(nameof(Requests))]
    public void Request_IsOfTheVendorsTypes(string name)
    {
        using var document = JsonDocument.Parse(Read(name, "upstream-request.json"));
        var request = document.RootElement;
        foreach (var message in request.GetProperty("messages").EnumerateArray())
        {
            Model<MessageParam>(message).Validate();
        }

        foreach (var text in Items(request, "system"))
        {
            Model<TextBlockParam>(text).Validate();
        }

        foreach (var tool in Items(request, "tools"))
        {
            Model<Tool>(tool).Validate();
        }

        if (request.TryGetProperty("tool_choice", out var choice))
        {
            Model<ToolChoice>(choice).Validate();
        }

        if (request.TryGetProperty("thinking", out var thinking))
        {
            Model<ThinkingConfigParam>(thinking).Validate();
        }

        if (request.TryGetProperty("output_config", out var output))
        {
            Model<OutputConfig>(output).Validate();
        }
    }

    [Theory]
    [MemberData(nameof(Answers))]
    public void Answer_IsOfTheVendorsTypes(string name)
    {
        using var document = JsonDocument.Parse(Read(name, "upstream.json"));
        Model<Message>(document.RootElement).Validate();
    }

    [Theory]
    [MemberData(nameof(Streams))]
    public void Events_AreOfTheVendorsTypes(string name)
    {
        foreach (var line in Encoding.UTF8.GetString(Read(name, "upstream.sse")).Split('\n').Where(line => line.StartsWith("data: ", StringComparison.Ordinal)))
        {
            using var document = JsonDocument.Parse(line[6..]);
            if (document.RootElement.GetProperty("type").GetString() is not ("ping" or "error"))
            {
                Model<RawMessageStreamEvent>(document.RootElement).Validate();
            }
        }
    }

    private static IEnumerable<string> Names(string file) =>
        RecordedExchange.All.Where(exchange => exchange.Provider == "anthropic" && new RecordedExchange(exchange.Provider, exchange.Name).Exists(file)).Select(exchange => exchange.Name);

    private static byte[] Read(string name, string file) => File.ReadAllBytes(Path.Combine(RecordedExchange.Folder, "anthropic", name, file));

    private static JsonElement.ArrayEnumerator Items(JsonElement owner, string name) => owner.TryGetProperty(name, out var array) ? array.EnumerateArray() : default;

    private static T Model<T>(JsonElement element) => element.Deserialize<T>()!;
}
