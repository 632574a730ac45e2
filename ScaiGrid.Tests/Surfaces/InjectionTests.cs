using System.Text.Json.Nodes;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Hostile values in every query parameter and every path of every GET in the OpenAPI document.</summary>
public sealed class InjectionTests(Grid grid) : GridTest(grid)
{
    private static readonly string[] Hostile =
    [
        "' OR '1'='1", "x' OR 1=1 -- ", "\" OR \"\"=\"", "1; DROP TABLE audit_log; --", "' UNION SELECT * FROM api_keys -- ", "%", "_", "%' OR '%'='", "\\", "\\'", "*",
        "x\r\nX-Injected: yes", "x\nSet-Cookie: a=b", "a\0b", "../../etc/passwd", "{\"$gt\":\"\"}", "[]", "null", "{{7*7}}", "<script>alert(1)</script>", "😀", "\u202e", "ä' OR 'ä'='ä",
    ];

    /// <summary>Parameters that do not select rows.</summary>
    private static readonly string[] NoFilters = ["limit", "cursor"];

    [Fact]
    public async Task HostileFilter_FindsNothing_AndBreaksNothing()
    {
        await Admin.CreateKeyAsync();
        var filters = 0;
        foreach (var operation in (await OpenApiDocument.ReadAsync(Admin)).Where(operation => operation is { Method: "GET", HasPathParameters: false }))
        {
            foreach (var parameter in operation.Query)
            {
                filters++;
                foreach (var value in Hostile.Append(new string('A', 6000)))
                {
                    var answer = await Admin.GetAsync($"{operation.Path}?{parameter}={Uri.EscapeDataString(value)}");
                    var what = $"{operation}?{parameter}={value}: {(int)answer.Status} {answer.Text[..Math.Min(answer.Text.Length, 300)]}";
                    Harmless(answer, what);
                    if ((int)answer.Status == 200 && !NoFilters.Contains(parameter))
                    {
                        Assert.True(Rows(answer.Text) == 0, what);
                    }
                }
            }
        }

        Assert.True(filters > 20, $"Only {filters} parameters were tested.");
    }

    [Fact]
    public async Task HostilePath_IsNotFound()
    {
        foreach (var operation in (await OpenApiDocument.ReadAsync(Admin)).Where(operation => operation is { Method: "GET", HasPathParameters: true }))
        {
            foreach (var value in Hostile.Where(value => !value.Contains('\0', StringComparison.Ordinal)).Append(new string('A', 3000)))
            {
                var answer = await Admin.GetAsync(operation.PathWith(value));
                var what = $"{operation} with {value}: {(int)answer.Status} {answer.Text[..Math.Min(answer.Text.Length, 300)]}";
                Harmless(answer, what);
                Assert.True((int)answer.Status is >= 400 or 200 && ((int)answer.Status != 200 || operation.Path.StartsWith("/docs", StringComparison.Ordinal)), what);
            }
        }
    }

    private static void Harmless(Answer answer, string what)
    {
        Assert.True((int)answer.Status < 500, what);
        Assert.False(answer.Headers.ContainsKey("X-Injected") || answer.Headers.ContainsKey("Set-Cookie"), what);
        Assert.DoesNotContain("SQL", answer.Text, StringComparison.Ordinal);
        if ((int)answer.Status >= 400)
        {
            Assert.True(JsonNode.Parse(answer.Text)!["error"] is JsonObject, what);
        }
    }

    // An export that is not JSON has lines, the first of which contains the column names.
    private static int Rows(string text) => text.Length == 0 ? 0 : text[0] is not ('{' or '[') ? text.TrimEnd().Count(letter => letter == '\n') : JsonNode.Parse(text) switch
    {
        JsonArray rows => rows.Count,
        JsonObject body when body["data"] is JsonArray rows => rows.Count,
        JsonObject body when body["data"]?["items"] is JsonArray rows => rows.Count,
        _ => 0,
    };
}
