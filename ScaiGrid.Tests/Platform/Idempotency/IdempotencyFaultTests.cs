using System.Security.Cryptography;
using System.Text;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Platform.Audit;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Idempotency;

/// <summary>Keys of different callers, the table behind them, and replicas that are killed.</summary>
public sealed class IdempotencyFaultTests(Grid grid) : ServicesTest(grid)
{
    [Fact]
    public async Task KeysBelongToTheirCaller()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var one = await tenant.AddUserAsync(Roles.TenantUser);
        using var other = await tenant.AddUserAsync(Roles.TenantUser);
        var key = Fresh.Name();
        var first = (await CreateAsync(one.Api, key, "same")).Created();
        var second = (await CreateAsync(other.Api, key, "same")).Created();
        Assert.NotEqual((string?)first["id"], (string?)second["id"]);
    }

    [Fact]
    public async Task TwoReplicas_CarryOutOnce()
    {
        await using var second = await Replica.StartAsync(Mode.Http, Services.Settings);
        using var there = new ApiDriver(second.BaseAddress, Admin.Key);
        var (key, name) = (Fresh.Name(), Fresh.Name());
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => CreateAsync(i % 2 == 0 ? Admin : there, key, name)));
        Assert.Single(answers.Select(answer => (string?)answer.Created()["id"]).Distinct());
    }

    [Fact]
    public async Task KeptAnswer_IsSealed()
    {
        var key = Fresh.Name();
        var secret = (string)(await CreateAsync(Admin, key, Fresh.Name())).Created()["key"]!;
        var stored = await Services.MariaDb.RowAsync("SELECT COUNT(*) n, SUM(answer LIKE CONCAT('%', @secret, '%')) clear, SUM(answer LIKE 'v1:%') sealed FROM idempotency_keys WHERE answer IS NOT NULL", ("secret", secret));
        Assert.NotEqual("0", stored["n"]);
        Assert.Equal("0", stored["clear"]);
        Assert.Equal(stored["n"], stored["sealed"]);
    }

    /// <summary>The state that a replica leaves that is killed before the commit, and one that is killed between commit and response.</summary>
    [Theory]
    [InlineData("running", 201)]
    [InlineData("committed", 409)]
    public async Task ReplicaDied_TheWriteIsCarriedOutAtMostOnce(string state, int status)
    {
        var (key, name) = (Fresh.Name(), Fresh.Name());
        (await CreateAsync(Admin, key, name)).Created();
        var before = await CountAsync(name);
        await Services.MariaDb.ExecuteAsync(
            "UPDATE idempotency_keys SET state = @state, answer = NULL, owner = 'dead', claimed_until = 1 WHERE id = @id", ("state", state), ("id", await IdAsync(key)));

        var answer = await CreateAsync(Admin, key, name);

        Assert.Equal(status, (int)answer.Status);
        Assert.Equal(before + (status == 201 ? 1 : 0), await CountAsync(name));
        if (status == 409)
        {
            Assert.Contains("carried out", (string?)answer.Error(409, "IDEMPOTENCY_CONFLICT")["message"], StringComparison.Ordinal);
        }
    }

    /// <summary>The transaction of the first call is delayed until its claim belongs to somebody else.</summary>
    [Fact]
    public async Task ClaimThatWasTakenOver_DoesNotCommit()
    {
        var (key, name) = (Fresh.Name(), Fresh.Name());
        var id = await IdAsync(key);
        var held = await Services.MariaDb.BeginAsync("UPDATE audit_chains SET sequence = sequence WHERE tenant_id = (SELECT id FROM tenants WHERE slug = 'default')");
        var first = CreateAsync(Admin, key, name);
        await Poll.UntilAsync(async () => (await Services.MariaDb.RowAsync("SELECT COUNT(*) n FROM idempotency_keys WHERE id = @id", ("id", id)))["n"] == "1", "the claim");
        await Services.MariaDb.ExecuteAsync("UPDATE idempotency_keys SET owner = 'somebody' WHERE id = @id", ("id", id));
        await held.DisposeAsync();

        Assert.Contains("took this one over", (string?)(await first).Error(409, "IDEMPOTENCY_CONFLICT")["message"], StringComparison.Ordinal);
        Assert.Equal(0, await CountAsync(name));
    }

    private static Task<Answer> CreateAsync(ApiDriver api, string key, string name) =>
        api.SendAsync(HttpMethod.Post, "/v1/api-keys", $$"""{"name":"{{name}}"}""", ("Idempotency-Key", key));

    private async Task<string> IdAsync(string key)
    {
        var me = (await Admin.GetAsync("/v1/me")).Ok();
        var apiKey = (await Services.MariaDb.RowAsync("SELECT id FROM api_keys WHERE hash = SHA2(@key, 256)", ("key", Admin.Key!)))["id"];
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{me["tenant"]!["id"]}\n{me["user"]!["id"]}\n{apiKey}\n{key}")));
    }

    private async Task<int> CountAsync(string name) =>
        (await Admin.GetAsync("/v1/api-keys?limit=1000")).Ok()["items"]!.AsArray().Count(item => (string?)item!["name"] == name);
}
