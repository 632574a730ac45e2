using System.Net;
using System.Net.Sockets;
using ScaiGrid.Core.Security;
using Xunit;

namespace ScaiGrid.Tests.Core.Security;

public sealed class EgressPolicyTests
{
    [Theory]
    [InlineData("8.8.8.8")]
    [InlineData("100.63.255.255")]
    [InlineData("100.128.0.1")]
    [InlineData("172.15.255.255")]
    [InlineData("172.32.0.1")]
    [InlineData("192.167.1.1")]
    [InlineData("192.0.1.1")]
    [InlineData("198.17.255.255")]
    [InlineData("198.20.0.1")]
    [InlineData("223.255.255.255")]
    [InlineData("2606:4700:4700::1111")]
    [InlineData("::ffff:8.8.8.8")]
    public void PublicAddresses_AreAlwaysAllowed(string address) => AssertAllowed(address, withPrivate: true, withoutPrivate: true);

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("127.255.255.254")]
    [InlineData("10.0.0.1")]
    [InlineData("172.16.0.1")]
    [InlineData("172.31.255.255")]
    [InlineData("192.168.1.1")]
    [InlineData("100.64.0.1")] // carrier-grade NAT
    [InlineData("100.127.255.255")]
    [InlineData("192.0.0.1")]
    [InlineData("198.18.0.1")] // network benchmarks
    [InlineData("198.19.255.255")]
    [InlineData("64:ff9b:1::8.8.8.8")] // local-use NAT64 prefix
    [InlineData("::1")]
    [InlineData("::1%1")] // with a zone id
    [InlineData("fc00::1")]
    [InlineData("fd12:3456::1")]
    [InlineData("fec0::1")]
    [InlineData("::ffff:10.0.0.1")]
    [InlineData("::ffff:127.0.0.1")]
    [InlineData("64:ff9b::10.0.0.1")] // NAT64
    [InlineData("2002:7f00:1::")] // 6to4 of 127.0.0.1
    public void PrivateAddresses_AreAllowedWherePrivateOnesAre(string address) => AssertAllowed(address, withPrivate: true, withoutPrivate: false);

    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("0.1.2.3")]
    [InlineData("169.254.169.254")] // cloud metadata
    [InlineData("169.254.0.1")]
    [InlineData("::ffff:169.254.169.254")]
    [InlineData("64:ff9b::169.254.169.254")] // NAT64
    [InlineData("2002:a9fe:a9fe::")] // 6to4
    [InlineData("224.0.0.1")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::%1")]
    [InlineData("fe80::1")]
    [InlineData("ff02::1")]
    [InlineData("fd00:ec2::254")]
    [InlineData("fd00:ec2::254%1")] // with a zone id
    [InlineData("fd00:ec2::23")]
    [InlineData("fd20:ce::254")]
    [InlineData("fd00:c1::a9fe:a9fe")]
    [InlineData("fd00:42::42")]
    [InlineData("fd00:100::100:200")]
    [InlineData("100.100.100.200")]
    [InlineData("168.63.129.16")]
    [InlineData("192.0.0.192")]
    [InlineData("::ffff:100.100.100.200")]
    [InlineData("64:ff9b::168.63.129.16")]
    [InlineData("64:ff9b:1::169.254.169.254")] // local-use NAT64 prefix
    public void LinkLocalMetadataAndMulticast_AreNeverAllowed(string address) => AssertAllowed(address, withPrivate: false, withoutPrivate: false);

    /// <summary>The resolved address is checked, not only the host name.</summary>
    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("localhost")]
    public async Task ForbiddenHost_IsNotConnectedTo(string host)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;

        var exception = await Assert.ThrowsAsync<HttpRequestException>(() => ConnectAsync(new EgressPolicy(allowPrivate: false), host, port));

        Assert.StartsWith("The host's address is not allowed.", exception.Message, StringComparison.Ordinal);
        Assert.False(listener.Pending());
    }

    [Fact]
    public async Task AllowedHost_IsConnectedTo()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();

        var answer = ConnectAsync(new EgressPolicy(allowPrivate: true), "127.0.0.1", ((IPEndPoint)listener.LocalEndpoint).Port);
        using var connection = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
        await connection.SendAsync("HTTP/1.1 204 No Content\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.NoContent, await answer);
    }

    private static async Task<HttpStatusCode> ConnectAsync(EgressPolicy policy, string host, int port)
    {
        using var client = new HttpClient(new SocketsHttpHandler { ConnectCallback = policy.ConnectAsync, UseProxy = false });
        using var response = await client.GetAsync(new Uri($"http://{host}:{port}/"), TestContext.Current.CancellationToken);
        return response.StatusCode;
    }

    [Theory]
    [InlineData("https://api.example/v1", true, true)]
    [InlineData("http://localhost:8080", true, true)] // a host name: checked when it is resolved
    [InlineData("http://127.1/", true, false)]
    [InlineData("http://[::1]:80/", true, false)]
    [InlineData("http://192.168.0.1/", true, false)]
    [InlineData("http://169.254.169.254/", false, false)]
    [InlineData("http://100.100.100.200/", false, false)]
    [InlineData("http://[fd00:ec2::254%251]/", false, false)]
    [InlineData("http://0xA9FEA9FE/", false, false)]
    [InlineData("http://2852039166/", false, false)]
    [InlineData("http://[fe80::1]/", false, false)]
    public void UrlsThatHoldAnAddress_AreJudgedByIt(string url, bool withPrivate, bool withoutPrivate)
    {
        Assert.Equal(withPrivate, new EgressPolicy(allowPrivate: true).IsAllowed(new Uri(url)));
        Assert.Equal(withoutPrivate, new EgressPolicy(allowPrivate: false).IsAllowed(new Uri(url)));
    }

    private static void AssertAllowed(string address, bool withPrivate, bool withoutPrivate) => Assert.Equal(
        (withPrivate, withoutPrivate), (new EgressPolicy(allowPrivate: true).IsAllowed(IPAddress.Parse(address)), new EgressPolicy(allowPrivate: false).IsAllowed(IPAddress.Parse(address))));
}
