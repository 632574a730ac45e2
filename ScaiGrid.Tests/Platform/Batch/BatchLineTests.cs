using System.Text;
using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Batch;

/// <summary>Lines at the limits of what a call may be.</summary>
public sealed class BatchLineTests(Grid grid) : GridTest(grid)
{
    /// <summary>A call may be 64 levels deep. In the line its body is one level deeper.</summary>
    [Fact]
    public async Task BodyOfAnyDepth_IsItsLinesOwnResult()
    {
        var slug = await ConnectAsync(new UpstreamScript(), out _);
        int[] depths = [3, 64, 65, 1000];
        var input = string.Join('\n', depths.Select(depth => Line(slug, depth)));
        var created = (await Admin.PostAsync("/v1/inference/batch", new { input_file_base64 = Convert.ToBase64String(Encoding.UTF8.GetBytes(input)) })).Created();
        var batch = await BatchTests.WaitAsync(Admin, (string)created["id"]!);
        Assert.True((string?)batch["status"] == "completed", batch.ToJsonString());
        Assert.Equal(["3", "64"], (await ResultsAsync(batch["output_file_id"])).Select(line => (string?)line["custom_id"]));
        var errors = await ResultsAsync(batch["error_file_id"]);
        Assert.Equal(["65", "1000"], errors.Select(line => (string?)line["custom_id"]));
        Assert.All(errors, line => Assert.Equal((400, "MALFORMED_JSON"), ((int)line["response"]!["status_code"]!, (string?)line["response"]!["body"]!["error"]!["code"])));
    }

    private static string Line(string slug, int depth)
    {
        var nested = new string('[', depth - 2) + new string(']', depth - 2);
        var body = $$$"""{"model":"{{{slug}}}","messages":[{"role":"user","content":"hi"}],"metadata":{"x":{{{nested}}}}}""";
        return $$$"""{"custom_id":"{{{depth}}}","method":"POST","url":"/v1/inference/chat","body":{{{body}}}}""";
    }

    private async Task<List<JsonNode>> ResultsAsync(JsonNode? file) =>
        [.. (await Admin.GetAsync($"/v1/files/{file}/content")).Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)];
}
