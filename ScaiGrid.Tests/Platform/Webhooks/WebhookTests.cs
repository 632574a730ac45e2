using System.Security.Cryptography;
using System.Text;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Webhooks;

/// <summary>A tenant's webhooks, from their creation to the delivery of an event.</summary>
public sealed class WebhookTests(Grid grid) : GridTest(grid)
{
    private const string Secret = "a-secret-of-the-tests-own";

    [Fact]
    public async Task Call_ArrivesAsSignedEvent_AndIsListed()
    {
        await using var receiver = await FakeReceiver.StartAsync();
        var slug = await ConnectAsync(new UpstreamScript());

        // A separate tenant, so that the test does not wait for the events of all others.
        using var admin = await (await SeededTenant.CreateAsync(Grid)).AddUserAsync("tenant_admin");
        var id = await CreateAsync(admin.Api, receiver.UrlOf("calls"), "request.*");
        (await admin.Api.ChatAsync(slug)).Ok();

        var received = await WaitForAsync(receiver, "calls", happened => (string?)happened.Json["payload"]!["model"] == slug);
        var json = received.Json;
        Assert.Equal(
            ["event_type", "event_id", "source", "tenant_id", "partner_id", "payload", "timestamp"], json.AsObject().Select(pair => pair.Key));
        Assert.Equal("request.completed", (string?)json["event_type"]);
        Assert.StartsWith("evt_", (string?)json["event_id"], StringComparison.Ordinal);
        Assert.Equal((11, 7), ((int)json["payload"]!["tokens_in"]!, (int)json["payload"]!["tokens_out"]!));
        AssertSigned(received);

        Assert.Equal((string?)json["event_id"], received.Id);
        await Poll.UntilAsync(
            async () => (await admin.Api.IdsAsync($"/v1/webhooks/{id}/deliveries?status=success", 100)).Contains(received.Headers["X-ScaiGrid-Delivery-Id"]),
            "the delivery to be listed");
        var delivery = (await admin.Api.GetAsync($"/v1/webhooks/{id}/deliveries/{received.Headers["X-ScaiGrid-Delivery-Id"]}")).Ok();
        Assert.Equal((200, 1, null), ((int)delivery["status_code"]!, (int)delivery["attempts"]!, (string?)delivery["error"]));
        Assert.Equal(received.Id, (string?)delivery["event"]!["event_id"]);
        (await admin.Api.DeleteAsync($"/v1/webhooks/{id}")).NoContent();
        (await admin.Api.GetAsync($"/v1/webhooks/{id}/deliveries/{received.Headers["X-ScaiGrid-Delivery-Id"]}")).Error(404, "NOT_FOUND");
    }

    [Fact]
    public async Task FailedDelivery_WaitsForItsRetry_AndCanBeSentAgain()
    {
        await using var receiver = await FakeReceiver.StartAsync();
        receiver.Fail("moody", 503);
        var slug = await ConnectAsync(new UpstreamScript());

        // A separate tenant, because 50 consecutive failures with events of other tests would disable the webhook.
        using var admin = await (await SeededTenant.CreateAsync(Grid)).AddUserAsync("tenant_admin");
        var id = await CreateAsync(admin.Api, receiver.UrlOf("moody"), "request.completed");
        await admin.Api.ChatAsync(slug);
        var received = await WaitForAsync(receiver, "moody", happened => (string?)happened.Json["payload"]!["model"] == slug);

        var path = $"/v1/webhooks/{id}/deliveries/{received.Headers["X-ScaiGrid-Delivery-Id"]}";
        await Poll.UntilAsync(async () => (int)(await admin.Api.GetAsync(path)).Ok()["attempts"]! == 1, "the first attempt");
        var pending = (await admin.Api.GetAsync(path)).Ok();
        Assert.Equal(("pending", 503), ((string?)pending["status"], (int)pending["status_code"]!));
        var retry = (DateTimeOffset)pending["next_attempt_at"]! - (DateTimeOffset)pending["created_at"]!;
        Assert.InRange(retry.TotalSeconds, 30, 60);
        (await admin.Api.PostAsync($"{path}/redeliver", new { })).Error(409, "CONFLICT");

        // Without retries a failure is final. A redelivery is a new delivery of the same event.
        (await admin.Api.PutAsync($"/v1/webhooks/{id}", new { max_retries = 0 })).Ok();
        await admin.Api.ChatAsync(slug);
        await Poll.UntilAsync(async () => (await admin.Api.IdsAsync($"/v1/webhooks/{id}/deliveries?status=failed", 100)).Count > 0, "a failed delivery");
        var failed = (await admin.Api.IdsAsync($"/v1/webhooks/{id}/deliveries?status=failed", 100))[0];
        receiver.Fail("moody", 204);
        var again = await admin.Api.PostAsync($"/v1/webhooks/{id}/deliveries/{failed}/redeliver", new { });
        Assert.Equal(202, (int)again.Status);
        await Poll.UntilAsync(async () => (await admin.Api.IdsAsync($"/v1/webhooks/{id}/deliveries?status=success", 100)).Count > 0, "the redelivery");
        var deliveries = receiver.Of("moody").ToLookup(happened => happened.Id);
        Assert.Contains(deliveries, group => group.Select(happened => happened.Headers["X-ScaiGrid-Delivery-Id"]).Distinct().Count() == 2);
        (await admin.Api.DeleteAsync($"/v1/webhooks/{id}")).NoContent();
    }

    [Fact]
    public async Task Secret_ShowsOnce_WhereItIsMade()
    {
        var created = (await Admin.PostAsync("/v1/webhooks", new { url = "https://receiver.example/x", events = new[] { "budget.*" } })).Created();
        var (id, secret) = ((string)created["id"]!, (string)created["secret"]!);
        Assert.Matches("^whsec_[0-9a-f]{64}$", secret);
        Assert.DoesNotContain(secret, (await Admin.GetAsync($"/v1/webhooks/{id}")).Text, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", (await Admin.GetAsync($"/v1/webhooks/{id}")).Text, StringComparison.Ordinal);
        Assert.Contains(id, await Admin.IdsAsync("/v1/webhooks?x=1", 100));
        var updated = (await Admin.PutAsync($"/v1/webhooks/{id}", new { events = new[] { "*" }, status = "paused", secret = "another-secret-of-ours" })).Ok();
        Assert.Equal(("paused", "*", 5), ((string?)updated["status"], (string?)updated["events"]![0], (int)updated["max_retries"]!));
        (await Admin.DeleteAsync($"/v1/webhooks/{id}")).NoContent();
        (await Admin.GetAsync($"/v1/webhooks/{id}")).Error(404, "NOT_FOUND");

        // A secret that the caller chose is not returned.
        created = (await Admin.PostAsync("/v1/webhooks", new { url = "https://receiver.example/x", events = new[] { "*" }, secret = Secret })).Created();
        Assert.Null(created["secret"]);
        (await Admin.DeleteAsync($"/v1/webhooks/{created["id"]}")).NoContent();
    }

    [Fact]
    public async Task WrongFields_AreNamed()
    {
        (await Admin.PostAsync("/v1/webhooks", new { })).Invalid("url", "events");
        (await Admin.PostAsync(
            "/v1/webhooks",
            new { url = "https://user:pass@receiver.example/#x", events = new[] { "request.complete", "*", "Budget", "mymodule.thing" }, secret = "short", status = "disabled", max_retries = 6 }))
            .Invalid("url", "events[0]", "events[2]", "secret", "status", "max_retries");
        (await Admin.PostAsync("/v1/webhooks", new { url = "https://169.254.169.254/latest", events = new[] { "*" } })).Invalid("url");
        (await Admin.PostAsync("/v1/webhooks", new { url = "ftp://receiver.example/", events = new[] { "*" } })).Invalid("url");
    }

    [Fact]
    public async Task Test_TellsWhatTheReceiverAnswered()
    {
        await using var receiver = await FakeReceiver.StartAsync();
        receiver.Fail("redirect", 302);
        receiver.Play("redirect", context =>
        {
            context.Response.Redirect(receiver.UrlOf("elsewhere"));
            return Task.CompletedTask;
        });
        var id = await CreateAsync(receiver.UrlOf("good"), "scaikey.*");
        var good = (await Admin.PostAsync($"/v1/webhooks/{id}/test", new { })).Ok();
        Assert.Equal((200, null), ((int)good["status_code"]!, (string?)good["error"]));
        Assert.InRange((int)good["duration_ms"]!, 0, 10_000);
        var received = Assert.Single(receiver.Of("good"));
        Assert.Equal(("webhook.test", (string?)good["delivery_id"]), (received.Type, received.Headers["X-ScaiGrid-Delivery-Id"]));
        AssertSigned(received);

        // Redirects are not followed.
        (await Admin.PutAsync($"/v1/webhooks/{id}", new { url = receiver.UrlOf("redirect") })).Ok();
        Assert.Equal(302, (int)(await Admin.PostAsync($"/v1/webhooks/{id}/test", new { })).Ok()["status_code"]!);
        Assert.Empty(receiver.Of("elsewhere"));
        (await Admin.PutAsync($"/v1/webhooks/{id}", new { url = "http://127.0.0.1:1/" })).Ok();
        var dead = (await Admin.PostAsync($"/v1/webhooks/{id}/test", new { })).Ok();
        Assert.Null(dead["status_code"]);
        Assert.Equal("The host cannot be connected to.", (string?)dead["error"]);
        (await Admin.DeleteAsync($"/v1/webhooks/{id}")).NoContent();
    }

    private Task<string> CreateAsync(string url, params string[] events) => CreateAsync(Admin, url, events);

    private static async Task<string> CreateAsync(ApiDriver admin, string url, params string[] events) =>
        (string)(await admin.PostAsync("/v1/webhooks", new { url, events, secret = Secret })).Created()["id"]!;

    private static async Task<ReceivedEvent> WaitForAsync(FakeReceiver receiver, string name, Func<ReceivedEvent, bool> wanted)
    {
        await Poll.UntilAsync(() => Task.FromResult(receiver.Of(name).Any(wanted)), "the event");
        return receiver.Of(name).First(wanted);
    }

    private static void AssertSigned(ReceivedEvent received)
    {
        Assert.Equal($"sha256={Hmac(received.Body)}", received.Headers["X-ScaiGrid-Signature"]);
        var time = received.Headers["X-ScaiGrid-Timestamp"];
        Assert.InRange(received.At.ToUnixTimeSeconds() - long.Parse(time, System.Globalization.CultureInfo.InvariantCulture), -1, 60);
        Assert.Equal($"t={time},v1={Hmac([.. Encoding.ASCII.GetBytes($"{time}."), .. received.Body])}", received.Headers["X-ScaiGrid-Signature-V2"]);
    }

    private static string Hmac(byte[] signed) => Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), signed));
}
