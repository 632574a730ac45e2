using System.Text.Json.Nodes;
using Xunit;

namespace ScaiGrid.Tests.Inference.Providers;

/// <summary>Requests to providers contain no field, type or enumeration value that the provider has not published.</summary>
public sealed class RequestSchemaTests
{
    /// <summary>An unknown field of a caller. It is forwarded to upstreams of the same format on purpose.</summary>
    private const string FutureField = "future_field";

    public static TheoryData<string, string> Requests =>
    [
        .. RecordedExchange.All.Where(exchange => File.Exists(Path.Combine(RecordedExchange.Folder, exchange.Provider, exchange.Name, "upstream-request.json")))
            .Select(exchange => new TheoryDataRow<string, string>(exchange.Provider, exchange.Name)),
    ];

    [Theory]
    [MemberData(nameof(Requests))]
    public void Request_HasPublishedFieldsOnly(string provider, string name)
    {
        var request = JsonNode.Parse(new RecordedExchange(provider, name).Read("upstream-request.json"))!.AsObject();
        request.Remove(FutureField);
        Assert.Empty(RequestSchema.Of(provider).Breaches(request));
    }

    [Theory]
    [InlineData("""{"model":"m","messages":[]}""", "max_tokens is missing")]
    [InlineData("""{"model":7,"max_tokens":1,"messages":[]}""", "model is not string: 7")]
    [InlineData("""{"model":"m","max_tokens":1,"messages":[{"role":"tool"}]}""", "messages[].role is not =user|assistant: \"tool\"")]
    [InlineData("""{"model":"m","max_tokens":1,"messages":[],"seed":1}""", "seed is not a field of the provider")]
    public void WrongRequest_IsFound(string request, string breach) =>
        Assert.Equal([breach], RequestSchema.Of("anthropic").Breaches(JsonNode.Parse(request)!.AsObject()));
}
