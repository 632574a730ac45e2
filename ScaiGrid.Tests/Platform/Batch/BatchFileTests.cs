using System.Text;
using System.Text.Json.Nodes;
using ScaiGrid.Tests.Platform.Audit;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Batch;

/// <summary>Files of batches, and the audit records of both.</summary>
public sealed class BatchFileTests(Grid grid) : GridTest(grid)
{
    [Theory]
    [InlineData("/v1/files", "/v1/inference/batch")]
    [InlineData("/oai/v1/files", "/oai/v1/batches")]
    public async Task FilesAndBatches_LeaveARowOfTheAuditLogForEachWrite(string files, string batches)
    {
        var isOpenAi = files != "/v1/files";
        var uploaded = await BatchTests.UploadAsync(Admin, files, BatchTests.Lines(BatchTests.Line("one", isOpenAi ? "/v1/chat/completions" : "/v1/inference/chat", BatchTests.Chat("no/such-model"))));
        var file = (string)(isOpenAi ? uploaded : uploaded["data"]!)["id"]!;
        var created = isOpenAi
            ? (await Admin.PostAsync(batches, new { input_file_id = file, endpoint = "/v1/chat/completions", completion_window = "24h", metadata = new { note = "canary" } })).Body()
            : (await Admin.PostAsync(batches, new { input_file_url = $"scaigrid://file/{file}", metadata = new { note = "canary" } })).Created();
        var batch = (string)created["id"]!;
        await BatchTests.WaitAsync(Admin, batch);
        Assert.Equal(409, (int)(await Admin.PostAsync($"{batches}/{batch}/cancel", new { })).Status);
        Assert.Equal(404, (int)(await Admin.PostAsync($"{batches}/batch_{Fresh.Name()}/cancel", new { })).Status);
        await Admin.DeleteAsync($"{files}/{file}");

        Assert.Equal(["file.delete SUCCESS", "file.create SUCCESS"], (await Admin.AuditAsync($"resource_id={file}")).Select(What));
        var rows = await Admin.AuditAsync($"resource_id={batch}");
        Assert.Equal(["batch.cancel FAILURE", "batch.create SUCCESS"], rows.Select(What));
        Assert.DoesNotContain("canary", rows[1].ToJsonString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("in\u202eput.jsonl", "input.jsonl")]
    [InlineData("in\tput.jsonl", "input.jsonl")]
    [InlineData("\u0001", "file")]
    public async Task NameOfAFile_IsOneLine(string name, string stored) =>
        Assert.Equal(stored, (string?)(await Admin.UploadAsync("{}\n"u8.ToArray(), name: name)).Created()["filename"]);

    [Fact]
    public async Task BatchOfItsOwnInput_IsOneRowOfTheAuditLog_WithoutTheAddressItIsFetchedFrom()
    {
        var inline = (string)(await Admin.PostAsync("/v1/inference/batch", new { input_file_base64 = Convert.ToBase64String(BatchTests.Lines(BatchTests.Line("one", "/v1/x", new { }))) })).Created()["id"]!;
        var fetched = (string)(await Admin.PostAsync("/v1/inference/batch", new { input_file_url = "https://files.example/in?X-Amz-Signature=canary" })).Created()["id"]!;
        (await Admin.PostAsync($"/v1/inference/batch/{fetched}/cancel", new { })).Ok();

        var row = Assert.Single(await Admin.AuditAsync($"resource_id={inline}"));
        Assert.Equal(["batches", "files", "jobs"], row["changes"]!.AsArray().Select(change => (string)change!["resource"]!).Order());
        var rows = await Admin.AuditAsync($"resource_id={fetched}");
        Assert.Equal(["batch.cancel SUCCESS", "batch.create SUCCESS"], rows.Select(What));
        Assert.DoesNotContain("canary", rows[1].ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Files_AreListed_Read_AndDeleted()
    {
        var bytes = Encoding.UTF8.GetBytes("some bytes\n");
        var id = (string)(await BatchTests.UploadAsync(Admin, "/v1/files", bytes))["data"]!["id"]!;
        Assert.Contains(id, await Admin.IdsAsync("/v1/files?x=1", 100));
        Assert.Equal(bytes.Length, (int)(await Admin.GetAsync($"/v1/files/{id}")).Ok()["bytes"]!);
        Assert.Equal("some bytes\n", (await Admin.GetAsync($"/v1/files/{id}/content")).Text);
        (await Admin.DeleteAsync($"/v1/files/{id}")).NoContent();
        (await Admin.GetAsync($"/v1/files/{id}/content")).Error(404, "NOT_FOUND");
        (await Admin.PostAsync("/v1/files", new { })).Error(415, "UNSUPPORTED_MEDIA_TYPE");
    }

    [Theory]
    [InlineData("/v1/files", "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nabc")]
    [InlineData("/oai/v1/files", "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nabc")]
    [InlineData("/v1/files", "--x\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbat")]
    [InlineData("/v1/files", "--x\r\nContent-Dispo")]
    public async Task UploadThatEndsInTheMiddle_IsItsSendersMistake(string path, string form)
    {
        var answer = await Admin.SendAsync(HttpMethod.Post, path, form, "multipart/form-data; boundary=x");
        _ = path == "/v1/files" ? answer.Error(400, "BAD_REQUEST") : answer.OpenAiError(400, "bad_request");
    }

    private static string What(JsonNode row) => $"{row["action"]} {row["status"]}";
}
