using System.Diagnostics;
using System.Net;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Auth;

/// <summary>Which email addresses have an account, and how often a client may ask.</summary>
[Collection(IssuerCollection.Name)]
public sealed class IdentifyTests(Grid grid, IssuerGrid issuers) : ServicesTest(grid)
{
    [Fact]
    public async Task Address_HasItsTenants_AndAnUnknownOneHasNone()
    {
        var (tenant, other) = (await SeededTenant.CreateAsync(Grid), await SeededTenant.CreateAsync(Grid));
        using var user = await tenant.AddUserAsync(Roles.TenantUser);
        using var twin = await other.AddUserAsync(Roles.TenantUser);
        var email = $"{Fresh.Name()}@test.example";
        await Services.MariaDb.ExecuteAsync("UPDATE users SET email = @email WHERE id IN (@one, @two)", ("email", email), ("one", user.Id), ("two", twin.Id));
        using var api = issuers.As(null);
        var found = (await api.PostAsync("/v1/auth/identify", new { email = $" {email.ToUpperInvariant()}" })).Ok();
        Assert.True((bool)found["user_exists"]!);
        Assert.Equal(new[] { tenant.Slug, other.Slug }.Order(StringComparer.Ordinal), found["tenants"]!.AsArray().Select(entry => (string)entry!["slug"]!));
        Assert.All(found["tenants"]!.AsArray(), entry => Assert.Equal("Test", (string?)entry!["display_name"]));

        await other.SuspendAsync();
        await tenant.SuspendAsync(user);
        foreach (var address in new[] { email, $"{Fresh.Name()}@test.example", "' OR 1=1 --", "%" })
        {
            var none = (await api.PostAsync("/v1/auth/identify", new { email = address })).Ok();
            Assert.False((bool)none["user_exists"]!);
            Assert.Empty(none["tenants"]!.AsArray());
        }

        (await api.PostAsync("/v1/auth/identify", new { email = " " })).Invalid("email");
    }

    [Theory]
    [InlineData("identify")]
    [InlineData("authorize")]
    public async Task ThousandCallsOfOneAddress_AreCutOff_AndAnotherAddressIsNot(string endpoint)
    {
        using var api = issuers.As(null);
        var address = $"203.0.113.{(endpoint == "identify" ? 7 : 8)}";
        var statuses = new List<HttpStatusCode>();
        var began = Stopwatch.GetTimestamp();
        for (var i = 0; i < 10; i++)
        {
            var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => CallAsync(address)));
            statuses.AddRange(answers.Select(answer => answer.Status));
        }

        // A minute may end at any time, and then the address has new attempts.
        var minutes = 1 + (int)Math.Ceiling(Stopwatch.GetElapsedTime(began).TotalMinutes);
        var served = statuses.Count(status => status != HttpStatusCode.TooManyRequests);
        Assert.InRange(served, 100, 100 * minutes);
        Answer refused = null!;
        var others = 0;
        await Poll.UntilAsync(
            async () =>
            {
                // A client that is not a trusted proxy cannot evade the limit by adding other addresses before its own.
                refused = await CallAsync(address);
                var hidden = await CallAsync($"198.51.100.{++others % 250}, {address}");
                return (refused.Status, hidden.Status) == (HttpStatusCode.TooManyRequests, HttpStatusCode.TooManyRequests);
            },
            "the address to be cut off");
        Assert.InRange((int)refused.Error(429, "RATE_LIMITED")["retry_after"]!, 1, 60);
        Assert.NotEqual(HttpStatusCode.TooManyRequests, (await CallAsync("203.0.113.99")).Status);

        async Task<Answer> CallAsync(string from)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/v1/auth/{endpoint}") { Content = new StringContent("""{"email":"nobody@test.example"}""") };
            request.Content.Headers.ContentType = new("application/json");
            request.Headers.Add("X-Forwarded-For", from);
            using var response = await api.Http.SendAsync(request);
            return new Answer(
                response.StatusCode, await response.Content.ReadAsStringAsync(), response.Headers.ToDictionary(header => header.Key, header => header.Value.First(), StringComparer.OrdinalIgnoreCase));
        }
    }
}
