using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Accounting;

public sealed class ExportTests(Grid grid) : GridTest(grid)
{
    [Fact]
    public async Task EveryFormat_HasEveryRow_OldestFirst()
    {
        var slug = await ConnectAsync(new UpstreamScript { PromptTokens = 7, CompletionTokens = 3 });
        for (var i = 0; i < 3; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/inference/chat")
            {
                Content = new StringContent($$"""{"model":"{{slug}}","messages":[{"role":"user","content":"hi"}]}""", new System.Net.Http.Headers.MediaTypeHeaderValue("application/json")),
            };
            request.Headers.Add("X-Request-Id", $"-export-{i}");
            using var response = await Admin.Http.SendAsync(request);
            response.EnsureSuccessStatusCode();
        }

        var listed = (await Admin.UsageAsync(slug, 3)).Reverse().ToList();
        var ids = listed.Select(row => (string)row["id"]!).ToList();
        var json = await Admin.GetAsync($"/v1/accounting/export?model={slug}&format=json");
        Assert.Equal("application/json", json.Headers["Content-Type"]);
        Assert.Equal(listed.Select(row => row.ToJsonString()), JsonNode.Parse(json.Text)!.AsArray().Select(row => row!.ToJsonString()));

        var lines = await Admin.GetAsync($"/v1/accounting/export?model={slug}&format=ndjson");
        Assert.Equal(ids, lines.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => (string)JsonNode.Parse(line)!["id"]!));

        var csv = await Admin.GetAsync($"/v1/accounting/export?model={slug}");
        Assert.Equal("attachment; filename=usage.csv", csv.Headers["Content-Disposition"]);
        var rows = csv.Text.Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(
            "id,request_id,created_at,model,backend_id,user_id,tenant_id,api_key_id,protocol,status,tokens_in,tokens_out,cached_tokens,reasoning_tokens,"
            + "cost,price_version,estimated,latency_ms,time_to_first_token_ms",
            rows[0]);
        Assert.Equal(ids, rows.Skip(1).Select(row => row.Split(',')[0]));

        // The apostrophe keeps spreadsheets from running a value as a formula. Calls within the same millisecond may be in any order.
        Assert.Equal(["'-export-0", "'-export-1", "'-export-2"], rows.Skip(1).Select(row => row.Split(',')[1]).Order(StringComparer.Ordinal));
        Assert.Contains(",7,3,0,0,0.000013,1,false,", rows[1], StringComparison.Ordinal);

        Assert.Equal("[]", (await Admin.GetAsync($"/v1/accounting/export?model={slug}&format=json&end=2020-01-01")).Text);
        (await Admin.GetAsync("/v1/accounting/export?format=xml")).Invalid("format");
    }
}
