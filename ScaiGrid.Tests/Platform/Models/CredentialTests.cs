using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Models;

/// <summary>Credentials reach the upstream and nobody else.</summary>
public sealed class CredentialTests(Grid grid) : GridTest(grid)
{
    private const string Key = "sk-provider-secret-4321";
    private const string Masked = "•••• 4321";
    private const string HeaderSecret = "header-secret-8765";

    [Fact]
    public async Task Secrets_AreMaskedInEveryAnswer()
    {
        var (provider, _, _) = await ConnectAsync();
        foreach (var path in new[] { $"/v1/providers/{provider}", "/v1/providers?limit=1000", "/v1/backends?limit=1000" })
        {
            var answer = await Admin.GetAsync(path);
            Assert.DoesNotContain(Key, answer.Text, StringComparison.Ordinal);
            Assert.DoesNotContain(HeaderSecret, answer.Text, StringComparison.Ordinal);
        }

        var config = (await Admin.GetAsync($"/v1/providers/{provider}")).Ok()["config"]!;
        Assert.Equal(Masked, (string?)config["api_key"]);
        Assert.Equal("•••• 8765", (string?)config["headers"]!["X-Team"]);
        Assert.Equal(Grid.Upstream.BaseUrl, (string?)config["base_url"]);
    }

    [Fact]
    public async Task MaskedValuesSentBack_KeepTheStoredOnes()
    {
        var (provider, slug, upstreamModel) = await ConnectAsync();
        var shown = (await Admin.GetAsync($"/v1/providers/{provider}")).Ok()["config"]!;
        var answer = await Admin.SendAsync(HttpMethod.Put, $"/v1/providers/{provider}", new JsonObject { ["config"] = shown.DeepClone() }.ToJsonString());
        Assert.Equal(shown.ToJsonString(), answer.Ok()["config"]!.ToJsonString());
        Assert.DoesNotContain(Key, answer.Text, StringComparison.Ordinal);
        await AssertSentAsync(slug, upstreamModel, $"Bearer {Key}", HeaderSecret);
    }

    [Fact]
    public async Task SecretsLeftOut_Stay()
    {
        var (provider, slug, upstreamModel) = await ConnectAsync();
        (await Admin.PutAsync($"/v1/providers/{provider}", new { config = new { base_url = Grid.Upstream.BaseUrl } })).Ok();
        await AssertSentAsync(slug, upstreamModel, $"Bearer {Key}", HeaderSecret);
    }

    [Fact]
    public async Task NewSecret_ReplacesTheStoredOne()
    {
        var (provider, slug, upstreamModel) = await ConnectAsync();
        var answer = await Admin.PutAsync($"/v1/providers/{provider}", new { config = new { base_url = Grid.Upstream.BaseUrl, api_key = "sk-another-secret-9999" } });
        Assert.Equal("•••• 9999", (string?)answer.Ok()["config"]!["api_key"]);
        await AssertSentAsync(slug, upstreamModel, "Bearer sk-another-secret-9999", HeaderSecret);
    }

    [Fact]
    public async Task Null_RemovesASecret()
    {
        var (provider, slug, upstreamModel) = await ConnectAsync();
        var config = (await Admin.SendAsync(
            HttpMethod.Put, $"/v1/providers/{provider}", $$$"""{"config":{"base_url":"{{{Grid.Upstream.BaseUrl}}}","api_key":null,"headers":null}}""")).Ok()["config"]!.AsObject();
        Assert.Equal(["base_url"], config.Select(field => field.Key));
        await AssertSentAsync(slug, upstreamModel, authorization: null, header: null);
    }

    [Theory]
    [InlineData("•••• 0000")]
    [InlineData("••••")]
    public async Task MaskOfAnotherSecret_IsRefused(string mask)
    {
        var (provider, slug, upstreamModel) = await ConnectAsync();
        (await Admin.PutAsync($"/v1/providers/{provider}", new { config = new { base_url = Grid.Upstream.BaseUrl, api_key = mask } })).Invalid("config.api_key");
        await AssertSentAsync(slug, upstreamModel, $"Bearer {Key}", HeaderSecret);
    }

    [Fact]
    public async Task ShortSecret_ShowsNothing()
    {
        var config = (await Admin.PostAsync("/v1/providers", new { name = Fresh.Name(), type = "openai", config = new { api_key = "short-key" } })).Created()["config"]!;
        Assert.Equal("••••", (string?)config["api_key"]);
    }

    [Fact]
    public async Task BackendsOwnSecret_GoesBeforeItsProviders()
    {
        var (_, slug, upstreamModel) = await ConnectAsync();
        var backend = (string)(await Admin.GetAsync($"/v1/models/{Uri.EscapeDataString(slug)}/routing")).Ok()["targets"]![0]!["backend_id"]!;
        var answer = await Admin.PutAsync($"/v1/backends/{backend}", new { connection_config = new { api_key = "sk-backend-secret-7777" } });
        Assert.Equal("•••• 7777", (string?)answer.Ok()["connection_config"]!["api_key"]);
        Assert.DoesNotContain("sk-backend-secret", answer.Text, StringComparison.Ordinal);
        await AssertSentAsync(slug, upstreamModel, "Bearer sk-backend-secret-7777", HeaderSecret);
        (await Admin.PutAsync($"/v1/backends/{backend}", new { connection_config = new { api_key = "•••• 7777" } })).Ok();
        await AssertSentAsync(slug, upstreamModel, "Bearer sk-backend-secret-7777", HeaderSecret);
    }

    private async Task<(string ProviderId, string Slug, string UpstreamModel)> ConnectAsync()
    {
        var slug = await ConnectAsync(new UpstreamScript(), out var upstreamModel);
        var backend = (string)(await Admin.GetAsync($"/v1/models/{Uri.EscapeDataString(slug)}/routing")).Ok()["targets"]![0]!["backend_id"]!;
        var provider = (string)(await Admin.GetAsync($"/v1/backends/{backend}")).Ok()["provider_id"]!;
        var config = new JsonObject { ["base_url"] = Grid.Upstream.BaseUrl, ["api_key"] = Key, ["headers"] = new JsonObject { ["X-Team"] = HeaderSecret } };
        (await Admin.SendAsync(HttpMethod.Put, $"/v1/providers/{provider}", new JsonObject { ["config"] = config }.ToJsonString())).Ok();
        return (provider, slug, upstreamModel);
    }

    private async Task AssertSentAsync(string slug, string upstreamModel, string? authorization, string? header)
    {
        (await Admin.ChatAsync(slug)).Ok();
        var headers = Grid.Upstream.CallsOf(upstreamModel)[^1].Headers;
        Assert.Equal(authorization, headers.GetValueOrDefault("Authorization"));
        Assert.Equal(header, headers.GetValueOrDefault("X-Team"));
    }
}
