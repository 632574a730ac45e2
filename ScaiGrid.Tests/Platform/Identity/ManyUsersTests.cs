using System.Diagnostics;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Identity;

/// <summary>A tenant of 100,000 users: what the first page of its list costs, and what a page far down costs.</summary>
[Trait("lane", "long")]
public sealed class ManyUsersTests(Grid grid) : ServicesTest(grid)
{
    private const int Users = 100_000;
    private const int Rounds = 40;

    [Theory]
    [InlineData("")]
    [InlineData("&status=active")]
    [InlineData("&status=suspended")]
    public async Task PageFarDown_CostsWhatTheFirstOneCosts(string filter)
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var admin = await tenant.AddUserAsync(Roles.TenantAdmin);
        await FillAsync(tenant);
        var deep = await CursorFarDownAsync(admin.Api, filter);

        // By turns, so that whatever else the machine does meets both alike.
        var (first, last) = (new List<TimeSpan>(), new List<TimeSpan>());
        for (var i = 0; i < Rounds; i++)
        {
            first.Add(await TimeAsync(admin.Api, $"/v1/users?limit=100{filter}"));
            last.Add(await TimeAsync(admin.Api, $"/v1/users?limit=100{filter}&cursor={deep}"));
        }

        var told = $"First page {Median(first).TotalMilliseconds:0.0} ms, page far down {Median(last).TotalMilliseconds:0.0} ms.";
        TestContext.Current.TestOutputHelper?.WriteLine(told);
        Assert.True(Median(last) < Median(first) * 1.5, told);
    }

    /// <summary>Two in three active, one suspended; each a tenant_user.</summary>
    private Task FillAsync(SeededTenant tenant) => Services.MariaDb.ExecuteAsync(
        $"""
        INSERT INTO users (id, tenant_id, email, display_name, status, created_at, updated_at)
            SELECT CONCAT('usr_', @stamp, LPAD(seq, 10, '0')), @tenant, CONCAT(seq, '@many.example'), 'Many', IF(seq % 3 = 0, 'suspended', 'active'), 0, 0
            FROM seq_1_to_{Users};
        INSERT INTO user_roles (user_id, role) SELECT id, 'tenant_user' FROM users WHERE tenant_id = @tenant AND email LIKE '%@many.example';
        UPDATE snapshot_revision SET revision = revision + 1 WHERE id = 1;
        """,
        ("stamp", Guid.CreateVersion7().ToString("N")[^16..].ToUpperInvariant()), ("tenant", tenant.Id));

    private static async Task<string> CursorFarDownAsync(ApiDriver api, string filter)
    {
        var seen = 0;
        string? cursor = null;
        while (true)
        {
            var page = (await api.GetAsync($"/v1/users?limit=1000{filter}{(cursor is null ? "" : $"&cursor={cursor}")}")).Body();
            var next = (string?)page["pagination"]!["next_cursor"];
            seen += page["data"]!["items"]!.AsArray().Count;
            if (next is null)
            {
                Assert.True(seen >= Users / 3, $"The list ended after {seen}.");
                return cursor!;
            }

            cursor = next;
        }
    }

    private static async Task<TimeSpan> TimeAsync(ApiDriver api, string path)
    {
        var started = Stopwatch.GetTimestamp();
        (await api.GetAsync(path)).Ok();
        return Stopwatch.GetElapsedTime(started);
    }

    private static TimeSpan Median(List<TimeSpan> times) => times.Order().ElementAt(times.Count / 2);
}
