using System.Net;
using System.Text.Json.Nodes;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Providers;
using ScaiGrid.Inference.Providers.Anthropic;
using Xunit;

namespace ScaiGrid.Tests.Inference.Providers;

/// <summary>The setting <c>model_like</c>, for backends whose model name does not show what the model supports.</summary>
public sealed class AnthropicSettingsTests
{
    [Theory]
    [InlineData("\"claude-opus-5-5\"", true)]
    [InlineData("\"anthropic/claude-sonnet-4.5\"", true)]
    [InlineData("\"claude-3-haiku\"", true)]
    [InlineData("\"claude-opus\"", false)]
    [InlineData("\"assistant-prod\"", false)]
    [InlineData("55", false)]
    [InlineData("null", false)]
    public void ModelLike_IsANameThatTells(string value, bool isTaken)
    {
        using var handler = new ScriptedHandler(HttpStatusCode.OK, "application/json", [], []);
        using var http = new UpstreamHttp(handler, TimeProvider.System);
        var mistakes = new List<ErrorDetail>();
        new AnthropicProvider(http, TimeProvider.System).Validate(new JsonObject { ["model_like"] = JsonNode.Parse(value) }, mistakes);
        Assert.Equal(isTaken ? [] : ["model_like"], mistakes.Select(mistake => mistake.Field));
    }
}
