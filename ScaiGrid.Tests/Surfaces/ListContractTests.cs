using System.Text.Json.Nodes;
using ScaiGrid.Tests.Platform;
using ScaiGrid.Tests.Platform.Audit;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Surfaces;

/// <summary>Rules for all endpoints of the OpenAPI document: pages, cursors, request ids.</summary>
public sealed class ListContractTests(Grid grid) : GridTest(grid)
{
    /// <summary>For bearers of a capability, and in a format of its own.</summary>
    private const string StorageList = "/v1/modules/scaibunker/storage";

    [Fact]
    public async Task EveryList_HasPages_AndRefusesWhatIsNoCursor()
    {
        // Gives the lists something to page through.
        (await Admin.CreateKeyAsync()).ToString();
        (await Admin.CreateKeyAsync()).ToString();
        var lists = (await OpenApiDocument.ReadAsync(Admin)).Where(operation => operation is { IsList: true, HasPathParameters: false } && operation.Path != StorageList).ToList();
        Assert.Contains(lists, operation => operation.Path == "/v1/audit-log");
        var paged = 0;
        foreach (var list in lists)
        {
            Assert.True(list.Query.Contains("limit"), $"{list} has the parameter cursor, but not limit.");
            foreach (var cursor in (string[])["nonsense", "%00", "../..", "'%20OR%201=1", "eyJpZCI6MX0", new string('A', 5000)])
            {
                (await Admin.GetAsync($"{list.Path}?cursor={cursor}")).Invalid("cursor");
            }

            foreach (var limit in (string[])["0", "-1", "1001", "many", "99999999999", "1.5"])
            {
                (await Admin.GetAsync($"{list.Path}?limit={limit}")).Invalid("limit");
            }

            var isPaged = false;
            await Poll.UntilAsync(
                async () =>
                {
                    var first = (await Admin.GetAsync($"{list.Path}?limit=1")).Body();
                    var items = first["data"]!["items"]!.AsArray();
                    Assert.True(items.Count <= 1, $"{list} returns {items.Count} items with limit=1.");
                    var next = (string?)first["pagination"]!["next_cursor"];
                    Assert.Equal(next is not null, (bool)first["pagination"]!["has_more"]!);
                    if (next is null)
                    {
                        return true;
                    }

                    var more = (await Admin.GetAsync($"{list.Path}?limit=1&cursor={Uri.EscapeDataString(next)}")).Body()["data"]!["items"]!.AsArray();
                    Assert.True(more.Count <= 1, $"{list} returns {more.Count} items with limit=1.");
                    isPaged = more.Count == 1;
                    Assert.False(isPaged && items[0]!.ToJsonString() == more[0]!.ToJsonString(), $"{list} returns the same item on two pages.");

                    // Rows may disappear between the two requests, for example queued work that is done; then both requests are repeated.
                    return isPaged;
                },
                $"a second page of {list}");
            paged += isPaged ? 1 : 0;
        }

        Assert.True(paged >= 2, "Too few lists had two items, so the test proves nothing.");
    }

    /// <summary>A list without a cursor would return all items, or omit some. OpenAI's own lists have no cursor.</summary>
    [Fact]
    public async Task EveryAnswerWithItems_IsAPage()
    {
        foreach (var operation in (await OpenApiDocument.ReadAsync(Admin)).Where(operation => operation is { Method: "GET", IsList: false, HasPathParameters: false }))
        {
            var answer = await Admin.GetAsync(operation.Path);
            if ((int)answer.Status == 200 && answer.Headers["Content-Type"].Contains("json", StringComparison.Ordinal)
                && JsonNode.Parse(answer.Text) is JsonObject { } body && body["data"] is JsonObject data)
            {
                Assert.False(data.ContainsKey("items"), $"{operation} returns items, but does not have the parameter cursor.");
            }
        }
    }

    [Fact]
    public async Task EveryAnswer_HasItsRequestId()
    {
        using var stranger = Admin.As(null);
        foreach (var operation in await OpenApiDocument.ReadAsync(Admin))
        {
            var body = operation.Method is "POST" or "PUT" or "PATCH" ? "{}" : null;
            foreach (var api in (ApiDriver[])[stranger, .. operation.Method == "GET" ? [Admin] : Array.Empty<ApiDriver>()])
            {
                var answer = await api.SendAsync(new HttpMethod(operation.Method), operation.PathWith("x_none"), body, ("X-Request-Id", "contract-1"));
                Assert.True(answer.Headers.GetValueOrDefault("X-Request-Id") == "contract-1", $"{operation}: {answer.Status}");
                if ((int)answer.Status >= 400 && operation.Path.StartsWith("/v1/", StringComparison.Ordinal))
                {
                    Assert.Equal("contract-1", (string?)JsonNode.Parse(answer.Text)!["meta"]!["request_id"]);
                }
            }
        }
    }
}
