using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Identity;

/// <summary>Neither the response to a wrong key nor its duration reveals anything.</summary>
public sealed class KeyGuessingTests(Grid grid) : GridTest(grid)
{
    private const int Rounds = 150;

    [Fact]
    public async Task WrongKeys_AllGetTheSameAnswer()
    {
        var tenant = await SeededTenant.CreateAsync(Grid);
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        using var suspended = await tenant.AddUserAsync(Roles.TenantUser);
        await tenant.SuspendAsync(suspended);
        var (revokedId, revoked) = await tenant.CreateKeyAsync(user.Id);
        (await Admin.DeleteAsync($"/v1/api-keys/{revokedId}")).NoContent();
        var key = user.Api.Key!;
        await Poll.UntilAsync(async () => await StatusAsync(revoked) == 401 && await StatusAsync(suspended.Api.Key!) == 401, "both keys to be refused");
        var answers = new HashSet<string>();
        foreach (var wrong in new[]
        {
            Other(key, key.Length - 1), Other(key, "sgk_".Length), key[..^1], key + "A", key.ToUpperInvariant(), revoked, suspended.Api.Key!, $"sgk_{new string('A', 43)}", "sgk_", "sgk_short",
        })
        {
            using var api = Admin.As(wrong);
            var answer = await api.GetAsync("/v1/me");
            var body = JsonNode.Parse(answer.Text)!;
            body["meta"]!.AsObject().Remove("request_id");
            answers.Add($"{(int)answer.Status} {body.ToJsonString()} {string.Join(' ', answer.Headers.Keys.Order(StringComparer.Ordinal))}");
        }

        Assert.Contains("401 ", Assert.Single(answers), StringComparison.Ordinal);
        (await user.Api.GetAsync("/v1/me")).Ok();

        async Task<int> StatusAsync(string token)
        {
            using var api = Admin.As(token);
            return (int)(await api.GetAsync("/v1/me")).Status;
        }
    }

    [Fact]
    public async Task KeyThatIsNearlyRight_TakesNoLonger()
    {
        var (_, key) = await Admin.CreateKeyAsync();
        var (near, far) = (Other(key, key.Length - 1), $"sgk_{new string('A', key.Length - "sgk_".Length)}");

        // In turns and over one connection, so that other load on the machine affects both alike. Load only adds time, so the shortest time counts.
        using var anybody = Admin.As(null);
        var (nearTook, farTook) = (double.MaxValue, double.MaxValue);
        for (var i = 0; i < Rounds; i++)
        {
            nearTook = Math.Min(nearTook, await TimeAsync(anybody, near));
            farTook = Math.Min(farTook, await TimeAsync(anybody, far));
        }

        Assert.True(nearTook / farTook is > 0.5 and < 2, $"Nearly right in {nearTook:F2} ms, quite wrong in {farTook:F2} ms.");
    }

    private static async Task<double> TimeAsync(ApiDriver anybody, string key)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/me");
        request.Headers.Authorization = new("Bearer", key);
        var began = Stopwatch.GetTimestamp();
        using var response = await anybody.Http.SendAsync(request);
        var took = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        return took;
    }

    private static string Other(string key, int at) => key[..at] + (key[at] == 'x' ? 'y' : 'x') + key[(at + 1)..];
}
