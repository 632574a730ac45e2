using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using ScaiGrid.Samples;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Webhooks;

/// <summary>The sample receivers of docs/webhooks.md accept genuine events and refuse others.</summary>
public sealed class WebhookSampleTests(Grid grid) : GridTest(grid)
{
    private const string Secret = "a-secret-of-the-sample-s";

    [Fact]
    public async Task SampleInCSharp_ReceivesEvents()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        await using var app = builder.Build();
        var received = new ConcurrentQueue<JsonElement>();
        app.MapScaiGridEvents("/events", Secret, happened => Keep(received, happened), TimeProvider.System);
        await app.StartAsync(TestContext.Current.CancellationToken);

        await AssertReceivesAsync(new Uri($"{app.Urls.First()}/events"));
        Assert.Equal("webhook.test", Assert.Single(received).GetProperty("event_type").GetString());
    }

    [Fact]
    public async Task SampleInJavaScript_ReceivesEvents()
    {
        var port = FreePort.Next();
        var environment = new Dictionary<string, string> { ["SECRET"] = Secret, ["PORT"] = port.ToString(CultureInfo.InvariantCulture) };
        await using var node = await ServerProcess.StartAsync(
            Requirement.Program("node", "nodejs"), [Path.Combine(Repository.Root, "docs/samples/webhook-receiver.mjs")], port, environment: environment);
        await AssertReceivesAsync(new Uri($"http://127.0.0.1:{port}/"));
    }

    [Theory]
    [InlineData("t=1000000000,v1={hex}", false)]
    [InlineData("t={now},v1={hex}", true)]
    [InlineData("t={now},v1=00,v1={hex}", true)]
    [InlineData("t={now},v1=00", false)]
    [InlineData("v1={hex}", false)]
    [InlineData("", false)]
    public void SampleInCSharp_ChecksTimeAndSignature(string header, bool genuine)
    {
        var now = DateTimeOffset.FromUnixTimeSeconds(1_770_000_000);
        var body = Encoding.UTF8.GetBytes("{}");
        var time = header.StartsWith("t=1000000000", StringComparison.Ordinal) ? 1_000_000_000 : now.ToUnixTimeSeconds();
        var hex = ScaiGrid.Platform.Webhooks.WebhookSignature.SignV2(Secret, time, body).Split("v1=")[1];
        var signature = header.Replace("{now}", now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal).Replace("{hex}", hex, StringComparison.Ordinal);
        Assert.Equal(genuine, WebhookReceiver.IsGenuine(Secret, signature, body, now));
    }

    private static Task Keep(ConcurrentQueue<JsonElement> received, JsonElement happened)
    {
        received.Enqueue(happened);
        return Task.CompletedTask;
    }

    private async Task AssertReceivesAsync(Uri url)
    {
        var id = (string)(await Admin.PostAsync("/v1/webhooks", new { url, events = new[] { "scaikey.*" }, secret = Secret })).Created()["id"]!;
        var genuine = (await Admin.PostAsync($"/v1/webhooks/{id}/test", new { })).Ok();
        Assert.Equal(204, (int)genuine["status_code"]!);

        (await Admin.PutAsync($"/v1/webhooks/{id}", new { secret = "another-secret-than-theirs" })).Ok();
        var forged = (await Admin.PostAsync($"/v1/webhooks/{id}/test", new { })).Ok();
        Assert.Equal(401, (int)forged["status_code"]!);
        (await Admin.DeleteAsync($"/v1/webhooks/{id}")).NoContent();
    }
}
