using System.Diagnostics;
using ScaiGrid.Core.Identity;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Platform.Auth;

/// <summary>
/// The issuer's keys are fetched when they are needed, once for many requests. Also the behaviour while they cannot be fetched. Each test has its own issuer
/// and replica.
/// </summary>
public sealed class IssuerKeyTests(Grid grid) : ServicesTest(grid)
{
    [Fact]
    public async Task UnknownKeys_CauseOneFetchAMinute_AndANewKeyIsFound()
    {
        await using var issuer = await FakeIssuer.StartAsync();
        await using var replica = await StartAsync(issuer);
        var subject = await UserAsync(replica);
        await AnswersAsync(replica, issuer.Token(subject), 200);
        Assert.Equal(1, issuer.KeyFetches);

        // Created before the time is measured.
        var forged = Enumerable.Range(0, 50).Select(i => issuer.Token(subject, key: FakeIssuer.Ec($"made-up-{i}"))).ToList();
        issuer.Rotate();
        var watch = Stopwatch.StartNew();
        await AnswersAsync(replica, issuer.Token(subject), 200);
        Assert.Equal(2, issuer.KeyFetches);

        // Unknown keys require a fetch, which is possible only once a minute.
        await Task.WhenAll(forged.Select(token => AnswersAsync(replica, token, 401)));
        Assert.InRange(issuer.KeyFetches, 2, 2 + (int)watch.Elapsed.TotalMinutes);
        await AnswersAsync(replica, issuer.Token(subject), 200);
    }

    [Fact]
    public async Task TokenOfAnotherIssuer_CausesNoFetch()
    {
        await using var issuer = await FakeIssuer.StartAsync();
        await using var other = await FakeIssuer.StartAsync();
        await using var replica = await StartAsync(issuer);
        await AnswersAsync(replica, other.Token("someone", key: FakeIssuer.Rsa("theirs")), 401);
        Assert.Equal(0, other.KeyFetches);
        Assert.InRange(issuer.KeyFetches, 0, 1);
    }

    [Fact]
    public async Task IssuerAway_IsNoWrongToken_AndKnownKeysServeOn()
    {
        await using var issuer = await FakeIssuer.StartAsync();
        await using var replica = await StartAsync(issuer);
        var subject = await UserAsync(replica);
        issuer.IsAway = true;
        await AnswersAsync(replica, issuer.Token(subject), 503);
        issuer.IsAway = false;
        using var api = new ApiDriver(replica.BaseAddress, issuer.Token(subject));
        await Poll.UntilAsync(async () => (int)(await api.GetAsync("/v1/me")).Status == 200, "the token to be accepted again");
        issuer.IsAway = true;
        await AnswersAsync(replica, issuer.Token(subject), 200);
        issuer.Rotate();
        await AnswersAsync(replica, issuer.Token(subject), 503);
    }

    [Fact]
    public async Task Renewal_KeepsNobodyWaiting_WhileTheIssuerHangs()
    {
        await using var issuer = await FakeIssuer.StartAsync();
        await using var replica = await StartAsync(issuer, new() { ["SCAIGRID_SCAIKEY_KEYS_RENEW_S"] = "2" });
        var subject = await UserAsync(replica);
        await AnswersAsync(replica, issuer.Token(subject), 200);
        var strange = Enumerable.Range(0, 10).Select(i => issuer.Token(subject, key: FakeIssuer.Ec($"made-up-{i}"))).ToList();

        // A renewal takes place in the background: a key that was withdrawn is not accepted for long.
        using (var withOldKey = new ApiDriver(replica.BaseAddress, issuer.Token(subject)))
        {
            issuer.Rotate();
            await Poll.UntilAsync(async () => (int)(await withOldKey.GetAsync("/v1/me")).Status == 401, "the new keys");
        }

        issuer.IsHanging = true;
        var slowest = TimeSpan.Zero;
        await Poll.UntilAsync(
            async () =>
            {
                slowest = Max(slowest, await TakesAsync(Enumerable.Range(0, 5).Select(_ => AnswersAsync(replica, issuer.Token(subject), 200))));
                return issuer.CallsHung > 0;
            },
            "the renewal");

        // Only callers whose key is not known wait for it, and not without end.
        var unknown = TakesAsync(strange.Select(token => AnswersAsync(replica, token, 503)));
        while (!unknown.IsCompleted)
        {
            slowest = Max(slowest, await TakesAsync(Enumerable.Range(0, 5).Select(_ => AnswersAsync(replica, issuer.Token(subject), 200))));
        }

        Assert.InRange((await unknown).TotalSeconds, 0, 20);
        Assert.True(slowest < TimeSpan.FromSeconds(4), $"A caller with a known key waited for {slowest}.");

        // The failure pauses further loads.
        await Poll.UntilAsync(() => Task.FromResult(replica.Output.Contains("cannot be loaded", StringComparison.Ordinal)), "the end of the renewal");
        var hung = issuer.CallsHung;
        await AnswersAsync(replica, issuer.Token(subject), 200);
        await Task.Delay(TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken);
        await TakesAsync([.. strange.Select(token => AnswersAsync(replica, token, 503)), AnswersAsync(replica, issuer.Token(subject), 200)]);
        Assert.Equal(hung, issuer.CallsHung);
        Assert.Equal(1, hung);

        static TimeSpan Max(TimeSpan one, TimeSpan other) => one > other ? one : other;

        static async Task<TimeSpan> TakesAsync(IEnumerable<Task> calls)
        {
            var started = Stopwatch.GetTimestamp();
            await Task.WhenAll(calls);
            return Stopwatch.GetElapsedTime(started);
        }
    }

    [Fact]
    public async Task ScaiKeysLayout_HasAPlatformIssuer_AndOneForEachTenant()
    {
        await using var issuer = await FakeIssuer.StartAsync(isScaiKey: true);
        await using var replica = await StartAsync(issuer);
        var (tenant, other) = (await SeededTenant.CreateAsync(Grid), await SeededTenant.CreateAsync(Grid));
        var subject = await UserAsync(replica, tenant);
        await AnswersAsync(replica, issuer.Token(subject), 200);
        await AnswersAsync(replica, issuer.Token(subject, new() { ["iss"] = issuer.NameOf(tenant.Slug) }), 200);

        // The issuer of one tenant is not accepted for users of another, nor is an issuer of an unknown tenant.
        await AnswersAsync(replica, issuer.Token(subject, new() { ["iss"] = issuer.NameOf(other.Slug) }), 401);
        var before = issuer.KeyFetches;
        await AnswersAsync(replica, issuer.Token(subject, new() { ["iss"] = issuer.NameOf("no-such-tenant") }), 401);
        await AnswersAsync(replica, issuer.Token(subject, new() { ["iss"] = issuer.NameOf("../../../evil") }), 401);
        Assert.Equal(before, issuer.KeyFetches);
    }

    [Fact]
    public async Task RequiredScope_AndNamesOfClaims_AreSettings()
    {
        await using var issuer = await FakeIssuer.StartAsync();
        await using var replica = await StartAsync(issuer, new()
        {
            ["SCAIGRID_SCAIKEY_REQUIRED_SCOPE"] = "grid.use",
            ["SCAIGRID_SCAIKEY_SUBJECT_CLAIM"] = "oid",
            ["SCAIGRID_SCAIKEY_SCOPE_CLAIM"] = "scp",
            ["SCAIGRID_SCAIKEY_TENANT_CLAIM"] = "org",
        });
        var tenant = await SeededTenant.CreateAsync(Grid);
        var subject = await UserAsync(replica, tenant);
        var claims = new Dictionary<string, object?> { ["oid"] = subject, ["scp"] = "other grid.use", ["org"] = tenant.Slug };
        await AnswersAsync(replica, issuer.Token("ignored", claims), 200);
        await AnswersAsync(replica, issuer.Token("ignored", new(claims) { ["scp"] = new[] { "grid.use" } }), 200);
        await AnswersAsync(replica, issuer.Token("ignored", new(claims) { ["org"] = "another" }), 401);
        using var api = new ApiDriver(replica.BaseAddress, issuer.Token("ignored", new(claims) { ["scp"] = "grid.used" }));
        Assert.Contains("'grid.use'", (string?)(await api.GetAsync("/v1/me")).Error(403, "AUTH_INSUFFICIENT_SCOPE")["message"], StringComparison.Ordinal);
    }

    private Task<ModeProcess> StartAsync(FakeIssuer issuer, Dictionary<string, string>? more = null)
    {
        var settings = Services.Settings;
        foreach (var (name, value) in IssuerGrid.Settings(issuer).Concat(more ?? []))
        {
            settings[name] = value;
        }

        return Replica.StartAsync(Mode.Http, settings);
    }

    private async Task<string> UserAsync(ModeProcess replica, SeededTenant? tenant = null)
    {
        var subject = Fresh.Name();
        using var user = await (tenant ?? await SeededTenant.CreateAsync(Grid)).AddUserAsync(Roles.TenantUser);
        await Services.MariaDb.ExecuteAsync(
            "UPDATE users SET external_id = @external WHERE id = @id; UPDATE snapshot_revision SET revision = revision + 1 WHERE id = 1",
            ("external", subject), ("id", user.Id));
        await replica.CatchUpAsync(Admin);
        return subject;
    }

    private static async Task AnswersAsync(ModeProcess replica, string token, int status)
    {
        using var api = new ApiDriver(replica.BaseAddress, token);
        var answer = await api.GetAsync("/v1/me");
        Assert.True((int)answer.Status == status, $"Expected {status}: {answer.Status} {answer.Text}");
    }
}
