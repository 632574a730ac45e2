using System.Net;
using ScaiGrid.Core.Redis;
using StackExchange.Redis;
using Xunit;

namespace ScaiGrid.Tests.Core.Redis;

public sealed class RedisAddressTests
{
    [Theory]
    [InlineData("redis://cache", "cache:6379")]
    [InlineData("redis://cache:6380", "cache:6380")]
    [InlineData("redis://127.0.0.1:6380/", "127.0.0.1:6380")]
    [InlineData("redis+cluster://a,b:7001,c", "a:6379 b:7001 c:6379")]
    [InlineData("redis+sentinel://a,b:26380/mymaster", "a:26379 b:26380")]
    [InlineData("cache:6380,password=x", "cache:6380")]
    public void Hosts_HaveTheirSchemesPort(string url, string expected) => Assert.Equal(expected, string.Join(' ', Parse(url).EndPoints.Select(Text)));

    [Fact]
    public void UserPasswordAndDatabase_AreRead()
    {
        var options = Parse("redis://grid%40x:p%2F%3Ass@cache:6379/3");

        Assert.Equal(("grid@x", "p/:ss", 3, false), (options.User, options.Password, options.DefaultDatabase, options.Ssl));
    }

    [Fact]
    public void PasswordAlone_HasNoUser()
    {
        var options = Parse("rediss://:secret@cache");

        Assert.True(options.Ssl);
        Assert.True(string.IsNullOrEmpty(options.User));
        Assert.Equal("secret", options.Password);
    }

    [Fact]
    public void Sentinel_NamesItsMaster() => Assert.Equal("mymaster", Parse("redis+sentinel://:pw@a:26379,b:26379/mymaster").ServiceName);

    [Theory]
    [InlineData("redis://cache")]
    [InlineData("redis+sentinel://a/mymaster")]
    [InlineData("cache:6380,connectTimeout=60000,abortConnect=true")]
    public void WaitsAreBounded_AndNobodyWaitsInABacklog(string url)
    {
        var options = Parse(url);

        Assert.Equal((700, 700, 700), (options.ConnectTimeout, options.AsyncTimeout, options.SyncTimeout));
        Assert.False(options.AbortOnConnectFail);
        Assert.Same(BacklogPolicy.FailFast, options.BacklogPolicy);
    }

    [Theory]
    [InlineData("http://cache:6379")]
    [InlineData("redis://")]
    [InlineData("redis://cache/zero")]
    [InlineData("redis://cache/-1")]
    [InlineData("redis+sentinel://a:26379")] // no master
    [InlineData("redis+sentinel://a:26379/")]
    [InlineData("cache,noSuchOption=1")]
    public void OtherAddresses_AreRefused(string url) => Assert.False(RedisAddress.TryParse(new RedisOptions { Url = url }, out _));

    private static ConfigurationOptions Parse(string url)
    {
        Assert.True(RedisAddress.TryParse(new RedisOptions { Url = url, Timeout = TimeSpan.FromMilliseconds(700) }, out var options));
        return options;
    }

    private static string Text(EndPoint endpoint) => endpoint is DnsEndPoint dns ? $"{dns.Host}:{dns.Port}" : endpoint.ToString()!;
}
