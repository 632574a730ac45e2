using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Models;

/// <summary>What a model adds to its requests and responses: the system prompt with variables, and the deprecation headers.</summary>
public sealed class ModelTemplateTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task Template_IsFilledForEachCaller_OnceAndSafely()
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstream, modelFields: new
        {
            system_prompt_template = "On {{date}} you are {{ model_name }} ({{model}}) for {{tenant}} of {{partner}}; \"{{user_name}}\" asks. {\"a\":{{1}}}",
        });
        (await Admin.ChatAsync(slug, "{{tenant}}")).Ok();
        var messages = JsonNode.Parse(Grid.Upstream.CallsOf(upstream).Single().Body)!["messages"]!.AsArray();
        var me = (await Admin.GetAsync("/v1/me")).Ok();
        var text = (string)messages[0]!["content"]!;
        Assert.Equal("system", (string?)messages[0]!["role"]);
        Assert.Matches($@"^On \d{{4}}-\d\d-\d\d you are Test \({System.Text.RegularExpressions.Regex.Escape(slug)}\) for default of internal; "".*"" asks\. \{{""a"":\{{\{{1\}}\}}\}}$", text);
        Assert.Contains($"\"{(string?)me["user"]!["display_name"]}\"", text, StringComparison.Ordinal);
        Assert.Equal("{{tenant}}", (string?)messages[1]!["content"]);
    }

    [Fact]
    public async Task UnknownVariable_IsNamed()
    {
        (await Admin.PostAsync("/v1/models", new { slug = Fresh.Slug(), system_prompt_template = "{{secret_key}}" })).Invalid("system_prompt_template");
        var model = (await Admin.PostAsync("/v1/models", new { slug = Fresh.Slug(), system_prompt_template = "{{date}}" })).Created();
        (await Admin.PutAsync($"/v1/models/{(string)model["id"]!}", new { system_prompt_template = "{{env}}" })).Invalid("system_prompt_template");
        Assert.Equal("{{date}}", (string?)(await Admin.GetAsync($"/v1/models/{(string)model["id"]!}")).Ok()["system_prompt_template"]);
    }

    [Fact]
    public async Task DeprecatedModel_IsServed_AndItsAnswersSaySinceWhenAndUntilWhen()
    {
        var slug = await ConnectAsync(new UpstreamScript(), modelFields: new { deprecated_at = "2026-01-02T03:04:05Z", sunset_at = "2027-01-02T03:04:05Z" });
        foreach (var path in (string[])["/v1/inference/chat", "/oai/v1/chat/completions"])
        {
            var answer = await Admin.ChatAsync(slug, path: path);
            Assert.Equal(200, (int)answer.Status);
            Assert.Equal("@1767323045", answer.Headers["Deprecation"]);
            Assert.Equal("Sat, 02 Jan 2027 03:04:05 GMT", answer.Headers["Sunset"]);
        }

        using (var stream = await Admin.StreamAsync(slug))
        {
            Assert.Equal("@1767323045", stream.Response.Headers.GetValues("Deprecation").Single());
            await stream.AllAsync();
        }

        (await Admin.PutAsync($"/v1/models/{slug.Replace("/", "%2F", StringComparison.Ordinal)}", new { sunset_at = (string?)null })).Ok();
        Assert.False((await Admin.ChatAsync(slug)).Headers.ContainsKey("Sunset"));
        (await Admin.PutAsync($"/v1/models/{slug.Replace("/", "%2F", StringComparison.Ordinal)}", new { sunset_at = "2025-01-01T00:00:00Z" })).Invalid("sunset_at");
        (await Admin.PutAsync($"/v1/models/{slug.Replace("/", "%2F", StringComparison.Ordinal)}", new { deprecated_at = "soon" })).Invalid("deprecated_at");

        var other = await ConnectAsync(new UpstreamScript());
        Assert.False((await Admin.ChatAsync(other)).Headers.ContainsKey("Deprecation"));
        var changed = (await Admin.PutAsync($"/v1/models/{other.Replace("/", "%2F", StringComparison.Ordinal)}", new { status = "deprecated" })).Ok();
        Assert.NotNull((string?)changed["deprecated_at"]);
        Assert.True((await Admin.ChatAsync(other)).Headers.ContainsKey("Deprecation"));
    }

    [Fact]
    public async Task ModelThatIsActiveAgain_IsNoLongerAnnouncedAsDeprecated()
    {
        var slug = await ConnectAsync(new UpstreamScript(), modelFields: new { status = "deprecated" });
        var path = $"/v1/models/{Uri.EscapeDataString(slug)}";
        Assert.NotNull((string?)(await Admin.PutAsync(path, new { display_name = "x" })).Ok()["deprecated_at"]);
        Assert.Null((string?)(await Admin.PutAsync(path, new { status = "active" })).Ok()["deprecated_at"]);
        Assert.False((await Admin.ChatAsync(slug)).Headers.ContainsKey("Deprecation"));

        // An announced date is kept, and so is one that is sent along.
        const string Announced = "2126-01-02T03:04:05Z";
        Assert.NotNull((string?)(await Admin.PutAsync(path, new { deprecated_at = Announced })).Ok()["deprecated_at"]);
        Assert.NotNull((string?)(await Admin.PutAsync(path, new { status = "active" })).Ok()["deprecated_at"]);
        (await Admin.PutAsync(path, new { status = "deprecated" })).Ok();
        Assert.NotNull((string?)(await Admin.PutAsync(path, new { status = "active", deprecated_at = Announced })).Ok()["deprecated_at"]);
    }
}
