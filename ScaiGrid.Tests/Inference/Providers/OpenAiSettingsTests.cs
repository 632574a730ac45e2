using System.Net;
using System.Text.Json.Nodes;
using ScaiGrid.Core.Errors;
using ScaiGrid.Inference.Providers;
using Xunit;

namespace ScaiGrid.Tests.Inference.Providers;

/// <summary>The settings that choose OpenAI's API for chat and describe the models behind it.</summary>
public sealed class OpenAiSettingsTests
{
    [Theory]
    [InlineData("openai", "api", "\"completions\"")]
    [InlineData("custom", "api", "true")]
    [InlineData("azure", "api", "null")]
    [InlineData("openai", "reasoning_summary", "\"none\"")]
    [InlineData("openai", "model_like", "\"assistant-prod\"")]
    [InlineData("custom", "model_like", "41")]
    [InlineData("azure", "model_like", "\"gpt\"")]
    [InlineData("azure", "model_like", "\"gpt5.6\"")]
    [InlineData("azure", "reasoning_summary", "\"long\"")]
    public void SettingOfAnotherWord_IsRefused(string type, string name, string value)
    {
        using var handler = new ScriptedHandler(HttpStatusCode.OK, "application/json", [], []);
        using var http = new UpstreamHttp(handler, TimeProvider.System);
        Assert.True(new ProviderCatalog(http, TimeProvider.System).TryGet(type, out var provider));
        var mistakes = new List<ErrorDetail>();
        provider!.Validate(new JsonObject { ["base_url"] = "https://grid.example", [name] = JsonNode.Parse(value) }, mistakes);
        Assert.Equal([name], mistakes.Select(mistake => mistake.Field));
    }
}
