using System.Net;
using ScaiGrid.Modules.Bunker.Storage;
using ScaiGrid.Tests.Core.Storage;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Hosts;

/// <summary>What a capability allows and denies.</summary>
public sealed class BunkerProxyCapabilityTests(BunkerProxyFixture proxy) : IClassFixture<BunkerProxyFixture>
{
    private const StorageMethods All = (StorageMethods)31;

    [Fact]
    public async Task None_Is401()
    {
        using var response = await proxy.Client.GetAsync(new Uri("/v1/modules/scaibunker/storage/x", UriKind.Relative), TestContext.Current.CancellationToken);

        Assert.Equal((401, "AUTH_TOKEN_MISSING"), await BunkerProxyFixture.ErrorOfAsync(response));
    }

    public static TheoryData<string, string> Worthless => new()
    {
        { "signed with another key", BunkerProxyFixture.Mint("", All, signingKey: Secrets.SecretKey) },
        { "expired", BunkerProxyFixture.Mint("", All, expiresIn: TimeSpan.FromSeconds(-1)) },
        { "for another prefix", BunkerProxyFixture.Mint("imag", All) },
        { "for another method", BunkerProxyFixture.Mint("", StorageMethods.Put) },
        { "payload changed", Forge(token => "v1." + BunkerProxyFixture.Mint("x", All).Split('.')[1] + "." + token.Split('.')[2]) },
        { "mac cut", Forge(token => token[..^1]) },
        { "mac with bits to spare", Forge(token => token[..^1] + "B") },
        { "mac of other characters", Forge(token => token[..^2] + "~~") },
        { "other version", Forge(token => "v2" + token[2..]) },
        { "no token at all", "sgk_0123456789" },
        { "only dots", "v1.." },
    };

    [Theory]
    [MemberData(nameof(Worthless))]
    public async Task Worthless_Is403(string why, string capability)
    {
        using var put = await proxy.PutAsync("images/a", new PatternStream(1), 1);
        using var get = await proxy.SendAsync(HttpMethod.Get, "images/a", capability: capability);

        Assert.True((403, "CAPABILITY_DENIED") == await BunkerProxyFixture.ErrorOfAsync(get), why);
    }

    [Fact]
    public async Task EveryBitOfTheToken_Counts()
    {
        var token = BunkerProxyFixture.Mint("", All);
        for (var i = 0; i < token.Length; i++)
        {
            var other = token[i] == 'A' ? 'B' : 'A';
            using var response = await proxy.SendAsync(HttpMethod.Head, "x", capability: string.Concat(token.AsSpan(0, i), [other], token.AsSpan(i + 1)));
            Assert.True(response.StatusCode == HttpStatusCode.Forbidden, $"Character {i} as {other}: {response.StatusCode}");
        }
    }

    [Fact]
    public async Task InTheQuery_ItWorksToo()
    {
        using var put = await proxy.PutAsync("query", new PatternStream(1), 1);
        var capability = BunkerProxyFixture.Mint("", StorageMethods.Get);
        using var get = await proxy.Client.GetAsync(
            new Uri($"/v1/modules/scaibunker/storage/query?capability={capability}", UriKind.Relative), TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.OK, get.StatusCode);
    }

    [Fact]
    public async Task ForAKey_ItOpensThatKeyOnly()
    {
        var signer = new CapabilitySigner(new CapabilityOptions { Keys = [Secrets.CapabilityKey] }, TimeProvider.System);
        var capability = signer.Mint(StorageCapability.ForKey("one", StorageMethods.Put, TimeProvider.System.GetUtcNow().AddMinutes(1)));
        using var one = await proxy.PutAsync("one", new PatternStream(1), 1, capability);
        using var below = await proxy.PutAsync("one/below", new PatternStream(1), 1, capability);

        Assert.Equal(HttpStatusCode.Created, one.StatusCode);
        Assert.Equal(HttpStatusCode.Forbidden, below.StatusCode);
    }

    [Theory]
    [InlineData(1000, true, 201)]
    [InlineData(1000, false, 201)]
    [InlineData(1001, true, 413)]
    [InlineData(1001, false, 413)]
    public async Task SizeLimit_IsExact(int length, bool announced, int status)
    {
        var key = $"limit/{length}-{announced}";
        using var put = await proxy.PutAsync(key, new PatternStream(length), announced ? length : null, BunkerProxyFixture.Mint("limit", StorageMethods.Put, maxBytes: 1000));
        using var head = await proxy.SendAsync(HttpMethod.Head, key);

        Assert.Equal(status, (int)put.StatusCode);
        Assert.Equal(status == 201 ? HttpStatusCode.OK : HttpStatusCode.NotFound, head.StatusCode);
    }

    [Fact]
    public async Task List_StaysWithinThePrefix()
    {
        var capability = BunkerProxyFixture.Mint("mine", StorageMethods.List);
        using var own = await proxy.SendAsync(HttpMethod.Get, "", capability: capability);
        using var parent = await proxy.SendAsync(HttpMethod.Get, "?prefix=mi", capability: capability);

        Assert.Equal(HttpStatusCode.OK, own.StatusCode);
        Assert.Equal((403, "CAPABILITY_DENIED"), await BunkerProxyFixture.ErrorOfAsync(parent));
    }

    [Theory]
    [InlineData("a%2Fb")]
    [InlineData("a//b")]
    [InlineData("a/%00b")]
    public async Task OddKey_Is422(string key)
    {
        using var response = await proxy.PutAsync(key, new PatternStream(1), 1);

        Assert.InRange((int)response.StatusCode, 400, 422);
    }

    private static string Forge(Func<string, string> change) => change(BunkerProxyFixture.Mint("", All));
}
