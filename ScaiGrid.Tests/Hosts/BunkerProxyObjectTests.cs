using System.Net;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using ScaiGrid.Tests.Core.Storage;
using Xunit;

namespace ScaiGrid.Tests.Hosts;

/// <summary>Objects through the storage proxy. The tests run on disk and on S3.</summary>
public abstract class BunkerProxyObjectTests(BunkerProxyFixture proxy)
{
    private const long Gibibyte = 1L << 30;
    private const int Mebibyte = 1 << 20;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task OneGibibyte_UpAndDown_Under200MebibytesOfMemory()
    {
        using var body = new PatternStream(Gibibyte);
        using var put = await proxy.PutAsync("big/image", body, Gibibyte);
        Assert.Equal(HttpStatusCode.Created, put.StatusCode);

        using var get = await proxy.SendAsync(HttpMethod.Get, "big/image");
        await using var down = await get.Content.ReadAsStreamAsync(Cancellation);
        Assert.Equal(body.Sha256, Convert.ToHexStringLower(await SHA256.HashDataAsync(down, Cancellation)));
        TestContext.Current.TestOutputHelper?.WriteLine($"peak memory: {proxy.Process.PeakMemoryBytes / Mebibyte} MiB");
        Assert.True(proxy.Process.PeakMemoryBytes < 200 * Mebibyte, $"The peak was {proxy.Process.PeakMemoryBytes / Mebibyte} MiB.");

        using var delete = await proxy.SendAsync(HttpMethod.Delete, "big/image");
        Assert.Equal(HttpStatusCode.NoContent, delete.StatusCode);
    }

    [Fact]
    public async Task UnknownLength_IsStored_AndReplacingItIs200()
    {
        using var created = await proxy.PutAsync("chunked", new PatternStream(6 * Mebibyte));
        using var replaced = await proxy.PutAsync("chunked", new PatternStream(3));
        using var head = await proxy.SendAsync(HttpMethod.Head, "chunked");

        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.OK), (created.StatusCode, replaced.StatusCode));
        Assert.Equal(replaced.Headers.ETag, head.Headers.ETag);
        Assert.NotEqual(created.Headers.ETag, head.Headers.ETag);
        Assert.Equal(3, head.Content.Headers.ContentLength);
        Assert.Equal(3, (int?)JsonNode.Parse(await replaced.Content.ReadAsStringAsync(Cancellation))!["data"]!["size"]);
    }

    [Theory]
    [InlineData("bytes=0-9", 0, 10)]
    [InlineData("bytes=990-", 990, 10)]
    [InlineData("bytes=-7", 993, 7)]
    [InlineData("bytes=-5000", 0, 1000)]
    [InlineData("bytes=500-99999", 500, 500)]
    public async Task Range_Is206(string range, int offset, int length)
    {
        using var put = await proxy.PutAsync("ranges", new PatternStream(1000), 1000);
        using var get = await proxy.SendAsync(HttpMethod.Get, "ranges", headers: [("Range", range), ("If-Range", put.Headers.ETag!.ToString())]);

        Assert.Equal(HttpStatusCode.PartialContent, get.StatusCode);
        Assert.Equal($"bytes {offset}-{offset + length - 1}/1000", get.Content.Headers.ContentRange!.ToString());
        Assert.Equal(PatternStream.Bytes(offset, length), await get.Content.ReadAsByteArrayAsync(Cancellation));
    }

    [Theory]
    [InlineData("bytes=0-1,3-4")]
    [InlineData("pages=1-2")]
    [InlineData("bytes=9-2")]
    public async Task RangeThatIsNotServed_IsTheWhole(string range)
    {
        using var put = await proxy.PutAsync("whole", new PatternStream(1000), 1000);
        using var get = await proxy.SendAsync(HttpMethod.Get, "whole", headers: [("Range", range)]);

        Assert.Equal((HttpStatusCode.OK, 1000), (get.StatusCode, get.Content.Headers.ContentLength));
    }

    [Theory]
    [InlineData("bytes=1000-")]
    [InlineData("bytes=-0")]
    public async Task RangeOutside_Is416WithTheLength(string range)
    {
        using var put = await proxy.PutAsync("outside", new PatternStream(1000), 1000);
        using var get = await proxy.SendAsync(HttpMethod.Get, "outside", headers: [("Range", range)]);

        Assert.Equal((416, "RANGE_NOT_SATISFIABLE"), await BunkerProxyFixture.ErrorOfAsync(get));
        Assert.Equal("bytes */1000", get.Content.Headers.ContentRange!.ToString());
    }

    [Fact]
    public async Task Conditions_AreKept()
    {
        using var put = await proxy.PutAsync("conditions", new PatternStream(1000), 1000);
        var etag = put.Headers.ETag!.ToString();
        using var same = await proxy.SendAsync(HttpMethod.Get, "conditions", headers: [("If-None-Match", etag)]);
        using var other = await proxy.SendAsync(HttpMethod.Get, "conditions", headers: [("If-None-Match", "\"other\"")]);
        using var changed = await proxy.SendAsync(HttpMethod.Get, "conditions", headers: [("Range", "bytes=0-9"), ("If-Range", "\"other\"")]);

        Assert.Equal(HttpStatusCode.NotModified, same.StatusCode);
        Assert.Equal(HttpStatusCode.OK, other.StatusCode);
        Assert.Equal((HttpStatusCode.OK, 1000), (changed.StatusCode, changed.Content.Headers.ContentLength));
    }

    [Theory]
    [InlineData("Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA==", 422, "CHECKSUM_MISMATCH")]
    [InlineData("X-ScaiGrid-SHA256", "0000000000000000000000000000000000000000000000000000000000000000", 422, "CHECKSUM_MISMATCH")]
    [InlineData("X-ScaiGrid-SHA256", "short", 422, "VALIDATION_ERROR")]
    public async Task WrongChecksum_KeepsNothing(string header, string value, int status, string code)
    {
        using var put = await proxy.PutAsync("checksum", new PatternStream(1000), 1000, headers: [(header, value)]);
        using var get = await proxy.SendAsync(HttpMethod.Get, "checksum");

        Assert.Equal((status, code), await BunkerProxyFixture.ErrorOfAsync(put));
        Assert.Equal((404, "NOT_FOUND"), await BunkerProxyFixture.ErrorOfAsync(get));
    }

    [Fact]
    public async Task RightChecksums_AreAccepted()
    {
        var bytes = PatternStream.Bytes(0, 1000);
#pragma warning disable CA5351 // Content-MD5 is defined with MD5.
        var md5 = Convert.ToBase64String(MD5.HashData(bytes));
#pragma warning restore CA5351
        using var put = await proxy.PutAsync(
            "right", new PatternStream(1000), 1000, headers: [("Content-MD5", md5), ("X-ScaiGrid-SHA256", Convert.ToHexString(SHA256.HashData(bytes)))]);

        Assert.Equal(HttpStatusCode.Created, put.StatusCode);
    }

    [Fact]
    public async Task SenderThatBreaksOff_LeavesNothing()
    {
        await Assert.ThrowsAsync<HttpRequestException>(() => proxy.PutAsync("broken", new PatternStream(64 * Mebibyte, failAt: 40 * Mebibyte), 64 * Mebibyte));
        using var get = await proxy.SendAsync(HttpMethod.Get, "broken");

        Assert.Equal((404, "NOT_FOUND"), await BunkerProxyFixture.ErrorOfAsync(get));
    }

    [Fact]
    public async Task Delete_IsRepeatable()
    {
        using var put = await proxy.PutAsync("gone", new PatternStream(1), 1);
        using var first = await proxy.SendAsync(HttpMethod.Delete, "gone");
        using var second = await proxy.SendAsync(HttpMethod.Delete, "gone");
        using var head = await proxy.SendAsync(HttpMethod.Head, "gone");

        Assert.Equal((HttpStatusCode.NoContent, HttpStatusCode.NoContent), (first.StatusCode, second.StatusCode));
        Assert.Equal(HttpStatusCode.NotFound, head.StatusCode);
    }

    [Fact]
    public async Task List_IsOfThePrefix()
    {
        using var one = await proxy.PutAsync("list/a b", new PatternStream(1), 1);
        using var two = await proxy.PutAsync("list/ä/c", new PatternStream(2), 2);
        using var list = await proxy.SendAsync(HttpMethod.Get, "?prefix=list/");
        var body = JsonNode.Parse(await list.Content.ReadAsStringAsync(Cancellation))!;

        Assert.Equal(["list/a b", "list/ä/c"], body["data"]!["items"]!.AsArray().Select(item => (string?)item!["key"]));
        Assert.False((bool)body["pagination"]!["has_more"]!);
    }
}

public sealed class DiskBunkerProxyObjectTests(BunkerProxyFixture proxy) : BunkerProxyObjectTests(proxy), IClassFixture<BunkerProxyFixture>
{
    private readonly BunkerProxyFixture _proxy = proxy;

    [Fact]
    public async Task Pages_AreFollowedByCursor()
    {
        using var one = await _proxy.PutAsync("pages/1", new PatternStream(1), 1);
        using var two = await _proxy.PutAsync("pages/2", new PatternStream(2), 2);
        using var first = await _proxy.SendAsync(HttpMethod.Get, "?prefix=pages/&limit=1");
        var cursor = (string?)JsonNode.Parse(await first.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!["pagination"]!["next_cursor"];
        using var second = await _proxy.SendAsync(HttpMethod.Get, $"?prefix=pages/&limit=1&cursor={cursor}");
        using var bad = await _proxy.SendAsync(HttpMethod.Get, "?cursor=!");

        var body = JsonNode.Parse(await second.Content.ReadAsStringAsync(TestContext.Current.CancellationToken))!;
        Assert.Equal("pages/2", (string?)body["data"]!["items"]![0]!["key"]);
        Assert.Null((string?)body["pagination"]!["next_cursor"]);
        Assert.Equal((422, "VALIDATION_ERROR"), await BunkerProxyFixture.ErrorOfAsync(bad));
    }
}

[Trait("needs", "services")]
public sealed class S3BunkerProxyObjectTests(S3BunkerProxyFixture proxy) : BunkerProxyObjectTests(proxy), IClassFixture<S3BunkerProxyFixture>;
