using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Webhooks;

/// <summary>All retries of a delivery, up to the last. Their times are moved up in the database, because together they take hours.</summary>
public sealed class WebhookRetryTests(Grid grid) : ServicesTest(grid)
{
    [Fact]
    public async Task Retries_AreFurtherAndFurtherApart_AndTheFailureOfTheLastIsFinal()
    {
        await using var receiver = await FakeReceiver.StartAsync();
        receiver.Fail("down", 503);
        using var admin = await (await SeededTenant.CreateAsync(Grid)).AddUserAsync("tenant_admin");
        var id = (string)(await admin.Api.PostAsync(
            "/v1/webhooks", new { url = receiver.UrlOf("down"), events = new[] { "request.completed" }, secret = "a-secret-of-the-tests-own", max_retries = 5 })).Created()["id"]!;
        var before = TimeProvider.System.GetUtcNow();
        (await admin.Api.ChatAsync("scailabs/echo")).Ok();
        await Poll.UntilAsync(() => Task.FromResult(receiver.CountOf("down") > 0), "the event");
        var path = $"/v1/webhooks/{id}/deliveries/{receiver.Of("down")[0].Headers["X-ScaiGrid-Delivery-Id"]}";

        var delays = (int[])[30, 2 * 60, 10 * 60, 30 * 60, 2 * 60 * 60];
        for (var attempt = 1; attempt <= delays.Length; attempt++)
        {
            var made = attempt;
            await Poll.UntilAsync(async () => (int)(await admin.Api.GetAsync(path)).Ok()["attempts"]! == made, $"attempt {made}");
            var view = (await admin.Api.GetAsync(path)).Ok();
            Assert.Equal("pending", (string?)view["status"]);

            // By the worker's clock, which is ours.
            var delay = TimeSpan.FromSeconds(delays[attempt - 1]);
            Assert.InRange((DateTimeOffset)view["next_attempt_at"]!, before + delay, TimeProvider.System.GetUtcNow() + delay);
            before = TimeProvider.System.GetUtcNow();
            await Services.MariaDb.ExecuteAsync("UPDATE jobs SET run_at = 1 WHERE lane = @lane", ("lane", id));
        }

        await Poll.UntilAsync(async () => (string?)(await admin.Api.GetAsync(path)).Ok()["status"] == "failed", "the last attempt");
        var last = (await admin.Api.GetAsync(path)).Ok();
        Assert.Equal((delays.Length + 1, 503), ((int)last["attempts"]!, (int)last["status_code"]!));
        Assert.Null(last["next_attempt_at"]);
        Assert.NotNull(last["completed_at"]);
        Assert.Equal("0", (await Services.MariaDb.RowAsync("SELECT COUNT(*) n FROM jobs WHERE lane = @lane", ("lane", id)))["n"]);
        Assert.Equal(delays.Length + 1, receiver.CountOf("down"));
        Assert.Single(receiver.Of("down").Select(happened => happened.Headers["X-ScaiGrid-Delivery-Id"]).Distinct());
        (await admin.Api.DeleteAsync($"/v1/webhooks/{id}")).NoContent();
    }
}
