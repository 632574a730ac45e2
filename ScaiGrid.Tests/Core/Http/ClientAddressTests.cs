using System.Net;
using Microsoft.AspNetCore.Http;
using ScaiGrid.Core.Http;
using Xunit;

namespace ScaiGrid.Tests.Core.Http;

public sealed class ClientAddressTests
{
    [Theory]
    [InlineData("203.0.113.9", "198.51.100.1", "203.0.113.9")] // The peer is not a trusted proxy.
    [InlineData("10.0.0.7", "198.51.100.1", "198.51.100.1")]
    [InlineData("10.0.0.7", "6.6.6.6, 198.51.100.1", "198.51.100.1")] // Entries that the client sent itself come first and are not trusted.
    [InlineData("10.0.0.7", "198.51.100.1, 10.9.9.9", "198.51.100.1")] // Two trusted proxies in a row.
    [InlineData("10.0.0.7", "10.1.1.1", "10.1.1.1")] // The client itself is inside the trusted network.
    [InlineData("10.0.0.7", "198.51.100.1:4711", "198.51.100.1")]
    [InlineData("10.0.0.7", "[2001:db8::1]:4711", "2001:db8::1")]
    [InlineData("10.0.0.7", "2001:db8::1", "2001:db8::1")]
    [InlineData("10.0.0.7", "198.51.100.1, unknown", "10.0.0.7")] // An entry that cannot be parsed makes all entries before it unusable.
    [InlineData("10.0.0.7", "<script>", "10.0.0.7")]
    [InlineData("10.0.0.7", "", "10.0.0.7")]
    [InlineData("::ffff:10.0.0.7", "198.51.100.1", "198.51.100.1")]
    [InlineData("fd00::7", "198.51.100.1", "198.51.100.1")]
    [InlineData("fd00::8", "198.51.100.1", "fd00::8")]
    public void HeaderCounts_WhereItComesFromATrustedProxy(string peer, string forwardedFor, string expected) =>
        Assert.Equal(IPAddress.Parse(expected), Address(peer, forwardedFor, "10.0.0.0/8", "fd00::7"));

    [Fact]
    public void NobodyIsTrusted_UnlessSaid() => Assert.Equal(IPAddress.Parse("10.0.0.7"), Address("10.0.0.7", "198.51.100.1"));

    [Theory]
    [InlineData("10.0.0.0/33")]
    [InlineData("proxy.example.com")]
    public void EntryThatIsNoNetwork_IsAMistake(string entry) =>
        Assert.Single(new ProxySettings { TrustedProxies = ["10.0.0.7", entry] }.Validate(new(entry)));

    private static IPAddress? Address(string peer, string forwardedFor, params string[] trusted)
    {
        var context = new DefaultHttpContext();
        context.Connection.RemoteIpAddress = IPAddress.Parse(peer);
        context.Request.Headers["X-Forwarded-For"] = forwardedFor;
        return new ClientAddress(new ProxySettings { TrustedProxies = trusted }).Of(context);
    }
}
