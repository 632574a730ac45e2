using System.Net;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform;

/// <summary>Checks of responses of the control plane.</summary>
internal static class AnswerChecks
{
    /// <summary>Asserts a VALIDATION_ERROR that names exactly these fields.</summary>
    public static void Invalid(this Answer answer, params string[] fields)
    {
        var details = answer.Error(422, "VALIDATION_ERROR")["details"]!.AsArray();
        Assert.Equal(fields, details.Select(detail => (string?)detail!["field"]));
        Assert.All(details, detail => Assert.False(string.IsNullOrWhiteSpace((string?)detail!["message"])));
    }

    public static void NoContent(this Answer answer) => Assert.True(answer.Status == HttpStatusCode.NoContent, $"{answer.Status}: {answer.Text}");

    /// <summary>Reads a list page by page, and returns the ids of all items in the order of the list.</summary>
    /// <param name="api">The caller.</param>
    /// <param name="path">The path of the list, with a query.</param>
    /// <param name="limit">The number of items per page.</param>
    public static async Task<List<string>> IdsAsync(this ApiDriver api, string path, int limit)
    {
        var ids = new List<string>();
        string? cursor = null;
        do
        {
            var page = (await api.GetAsync($"{path}&limit={limit}{(cursor is null ? "" : $"&cursor={cursor}")}")).Body();
            var items = page["data"]!["items"]!.AsArray();
            ids.AddRange(items.Select(item => (string)item!["id"]!));
            cursor = (string?)page["pagination"]!["next_cursor"];
            Assert.Equal(cursor is not null, (bool)page["pagination"]!["has_more"]!);
            Assert.True(items.Count == limit || (cursor is null && items.Count < limit), $"A page has {items.Count} items, with limit {limit}.");
        }
        while (cursor is not null);
        return ids;
    }
}

/// <summary>Names that no other test uses.</summary>
internal static class Fresh
{
    public static string Name() => $"t{Guid.CreateVersion7().ToString("N")[^12..]}";

    public static string Slug() => $"test/{Name()}";
}
