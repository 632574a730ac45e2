using System.Text.Json.Nodes;
using ScaiGrid.Tests.Platform;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Characters that nobody sees, with which a name could look like another one.</summary>
public sealed class HiddenCharacterTests(Grid grid) : GridTest(grid)
{
    private static readonly string[] Hidden = ["a\0b", "a\nb", "a\tb", "a\u001bb", "a\u007fb", "a\u0085b", "a\u202ab", "a\u202eb", "a\u2066b", "a\u2069b"];

    [Theory]
    [InlineData("POST", "/v1/partners", "display_name")]
    [InlineData("POST", "/v1/tenants", "display_name")]
    [InlineData("POST", "/v1/users", "display_name")]
    [InlineData("POST", "/v1/providers", "name")]
    [InlineData("POST", "/v1/backends", "name")]
    [InlineData("POST", "/v1/backends", "model")]
    [InlineData("POST", "/v1/models", "display_name")]
    [InlineData("PUT", "/v1/models/scailabs%2Fecho", "display_name")]
    [InlineData("POST", "/v1/model-groups", "name")]
    [InlineData("POST", "/v1/api-keys", "name")]
    [InlineData("POST", "/v1/iam/custom-roles", "name")]
    [InlineData("POST", "/v1/accounting/budgets", "name")]
    [InlineData("POST", "/v1/rooms", "name")]
    public async Task TextOfOneLine_MustNotHaveThem(string method, string path, string field)
    {
        foreach (var text in Hidden)
        {
            Assert.Contains((field, NotALine), await MistakesAsync(method, path, new JsonObject { [field] = text }));
        }
    }

    [Fact]
    public async Task ListOfWords_MustNotHaveThem()
    {
        Assert.Contains(("capabilities[1]", NotALine), await MistakesAsync("POST", "/v1/models", new JsonObject { ["capabilities"] = new JsonArray("chat", "to\nols") }));
        Assert.Contains(("events[0]", NotALine), await MistakesAsync("POST", "/v1/webhooks", new JsonObject { ["events"] = new JsonArray("request.\u202e*") }));
    }

    /// <summary>Names of people are written in every script.</summary>
    [Fact]
    public async Task NameInAnyScript_IsTaken()
    {
        const string Name = "Zoë \u200fעברית\u200f 日本 😀";
        Assert.Equal(Name, (string?)(await Admin.PostAsync("/v1/model-groups", new { name = Name + Fresh.Name() })).Created()["name"]!.ToString()[..Name.Length]);
    }

    [Fact]
    public async Task TextOfManyLines_KeepsThem_ButHasNoNul()
    {
        const string Text = "First line:\r\n\t\u001b second \u2066line\u2069";
        var slug = Fresh.Slug();
        var model = (await Admin.PostAsync("/v1/models", new { slug, description = Text, system_prompt_template = Text })).Created();
        Assert.Equal((Text, Text), ((string?)model["description"], (string?)model["system_prompt_template"]));
        foreach (var field in new[] { "description", "system_prompt_template" })
        {
            Assert.Equal([(field, NoNul)], await MistakesAsync("PUT", $"/v1/models/{Uri.EscapeDataString(slug)}", new JsonObject { [field] = "a\0b" }));
        }

        var session = $"/v1/sessions/{(string)(await Admin.PostAsync("/v1/sessions", new { model = "scailabs/echo", title = Text, system_prompt = Text })).Created()["id"]!}";
        Assert.Equal([("content", NoNul)], await MistakesAsync("POST", $"{session}/messages", new JsonObject { ["content"] = "a\0b" }));
        Assert.Equal([("title", NoNul), ("system_prompt", NoNul)], await MistakesAsync("PATCH", session, new JsonObject { ["title"] = "a\0b", ["system_prompt"] = "a\0b" }));
        (await Admin.PostAsync($"{session}/messages", new { content = Text })).Ok();
    }

    private const string NotALine = "must be one line, without control characters and without marks that override the direction of text.";
    private const string NoNul = "must not have the character NUL (U+0000).";

    private async Task<List<(string, string)>> MistakesAsync(string method, string path, JsonObject body) =>
    [
        .. (await Admin.SendAsync(HttpMethod.Parse(method), path, body.ToJsonString())).Error(422, "VALIDATION_ERROR")["details"]!.AsArray()
            .Select(detail => ((string)detail!["field"]!, (string)detail["message"]!)),
    ];
}
