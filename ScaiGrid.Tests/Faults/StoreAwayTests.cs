using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Faults;

/// <summary>The blob store is killed while a batch runs.</summary>
[Trait("needs", "services")]
public sealed class StoreAwayTests
{
    [Fact]
    public async Task BatchWaits_AndGoesOn_WhileFilesAnswer503()
    {
        await using var services = await GridServices.StartAsync();
        await using var upstream = await FakeUpstream.StartAsync();
        await services.MigrateAsync();
        await using var api = await Replica.StartAsync(Mode.Http, services.Settings);
        await using var worker = await Replica.StartAsync(Mode.Worker, services.Settings);
        using var admin = new ApiDriver(api.BaseAddress, Secrets.AdminKey);
        var hold = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        upstream.Play("held", new UpstreamScript { Hold = hold.Task });
        var slug = await admin.ConnectAsync(upstream.BaseUrl, "held");
        var line = JsonSerializer.Serialize(new { custom_id = "one", method = "POST", url = "/v1/inference/chat", body = new { model = slug, messages = new[] { new { role = "user", content = "hi" } } } });
        var id = (string)(await admin.PostAsync("/v1/inference/batch", new { input_file_base64 = Convert.ToBase64String(Encoding.UTF8.GetBytes(line)) })).Created()["id"]!;
        await Poll.UntilAsync(() => Task.FromResult(upstream.CallsOf("held").Count == 1), "the batch's call");

        await services.S3.KillAsync();
        hold.SetResult();
        var file = (string)(await GetAsync(admin, id))["input_file_id"]!;
        (await admin.GetAsync($"/v1/files/{file}/content")).Error(503, "SERVICE_UNAVAILABLE");
        (await admin.DeleteAsync($"/v1/files/{file}")).Error(503, "SERVICE_UNAVAILABLE");
        (await admin.PostAsync("/v1/inference/batch", new { input_file_base64 = Convert.ToBase64String("{}"u8) })).Error(503, "SERVICE_UNAVAILABLE");
        Assert.Equal("in_progress", (string?)(await GetAsync(admin, id))["status"]);

        // The file was not deleted, and the batch completes: its call is made and billed once.
        await services.S3.RestartAsync();
        JsonNode batch = null!;
        await Poll.UntilAsync(async () => (string?)(batch = await GetAsync(admin, id))["status"] == "completed", "the batch to complete", TimeSpan.FromMinutes(2));
        Assert.Equal(200, (int)(await admin.GetAsync($"/v1/files/{file}/content")).Status);
        Assert.Contains("\"custom_id\":\"one\"", (await admin.GetAsync($"/v1/files/{batch["output_file_id"]}/content")).Text, StringComparison.Ordinal);
        Assert.Single(await admin.UsageAsync(slug, 1));
        Assert.Single(upstream.CallsOf("held"));

        // The outage is logged when it begins and when it ends, whatever the number of calls.
        foreach (var process in new[] { api, worker })
        {
            Assert.Equal((1, 1), (CountOf(process, "store_failed"), CountOf(process, "store_answers")));
        }
    }

    private static int CountOf(ModeProcess process, string happened) => process.Output.Split($"\"event\":\"{happened}\"").Length - 1;

    private static async Task<JsonNode> GetAsync(ApiDriver admin, string id) => (await admin.GetAsync($"/v1/inference/batch/{id}")).Ok();
}
