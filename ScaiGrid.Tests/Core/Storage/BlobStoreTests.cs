using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Errors;
using ScaiGrid.Core.Storage;
using Xunit;

namespace ScaiGrid.Tests.Core.Storage;

/// <summary>The behaviour that all blob stores share.</summary>
public abstract class BlobStoreTests : IAsyncLifetime
{
    // More than two parts of a multipart upload, and the last part is not full.
    private const int LargeBytes = (12 << 20) + 17;

    private IHost? _host;

    protected static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private protected IBlobStore Store { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        foreach (var (name, value) in await StartAsync())
        {
            builder.Configuration[name] = value;
        }

        builder.AddBlobStore();
        builder.CheckSettings();
        _host = builder.Build();
        Store = _host.Services.GetRequiredService<IBlobStore>();
    }

    public virtual ValueTask DisposeAsync()
    {
        _host?.Dispose();
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    protected abstract Task<IReadOnlyDictionary<string, string>> StartAsync();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(5 << 20)]
    [InlineData(10 << 20)]
    [InlineData(LargeBytes)]
    public async Task Body_ComesBackAsItWas(int length)
    {
        using var body = new PatternStream(length);
        var written = await Store.WriteAsync("images/base.img", body, Cancellation);
        var stat = await Store.StatAsync("images/base.img", Cancellation);
        await using var content = await Store.OpenAsync("images/base.img", range: null, Cancellation);

        Assert.Equal((length, length), (written.Length, stat!.Length));
        Assert.Equal(written.ETag, stat.ETag);
        Assert.Equal(stat.ETag, content!.Info.ETag);
        Assert.Equal(body.Sha256, Convert.ToHexStringLower(await SHA256.HashDataAsync(content.Body, Cancellation)));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData((5 << 20) - 3, 6)]
    [InlineData(LargeBytes - 1, 1)]
    public async Task Range_IsThoseBytes(long offset, int length)
    {
        var info = await Store.WriteAsync("a", new PatternStream(LargeBytes), Cancellation);
        await using var content = await Store.OpenAsync("a", new BlobRange(offset, length, info.ETag), Cancellation);
        using var bytes = new MemoryStream();
        await content!.Body.CopyToAsync(bytes, Cancellation);

        Assert.Equal(PatternStream.Bytes(offset, length), bytes.ToArray());
        Assert.Equal(LargeBytes, content.Info.Length);
    }

    [Fact]
    public async Task RangeOfAnOlderVersion_IsNotOpened()
    {
        var old = await Store.WriteAsync("a", new PatternStream(100), Cancellation);
        await Store.WriteAsync("a", new PatternStream(200), Cancellation);

        Assert.Null(await Store.OpenAsync("a", new BlobRange(0, 10, old.ETag), Cancellation));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(LargeBytes - 1)]
    public async Task BodyThatBreaksOff_LeavesTheOlderObject(int failAt)
    {
        var old = await Store.WriteAsync("a", new PatternStream(100), Cancellation);
        await Assert.ThrowsAsync<IOException>(() => Store.WriteAsync("a", new PatternStream(LargeBytes, failAt), Cancellation));
        await Assert.ThrowsAsync<IOException>(() => Store.WriteAsync("b", new PatternStream(LargeBytes, failAt), Cancellation));

        Assert.Equal(old.ETag, (await Store.StatAsync("a", Cancellation))!.ETag);
        Assert.Null(await Store.StatAsync("b", Cancellation));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(LargeBytes)]
    public async Task WrongChecksum_LeavesNothing(int length)
    {
        using var body = new VerifiedBody(new PatternStream(length), new BlobChecksum(HashAlgorithmName.SHA256, new byte[32]));
        var exception = await Assert.ThrowsAsync<ApiException>(() => Store.WriteAsync("a", body, Cancellation));

        Assert.Equal("CHECKSUM_MISMATCH", exception.Problem.Error.Code);
        Assert.Null(await Store.StatAsync("a", Cancellation));
    }

    [Fact]
    public async Task AbsentObject_IsNull_AndItsDeletionSucceeds()
    {
        Assert.Null(await Store.StatAsync("none", Cancellation));
        Assert.Null(await Store.OpenAsync("none", range: null, Cancellation));
        await Store.DeleteAsync("none", Cancellation);
    }

    [Fact]
    public async Task DeletedObject_IsGone_AndItsNeighboursStay()
    {
        await Store.WriteAsync("a/b/c", new PatternStream(1), Cancellation);
        await Store.WriteAsync("a/d", new PatternStream(1), Cancellation);
        await Store.DeleteAsync("a/b/c", Cancellation);

        Assert.Equal(["a/d"], await KeysAsync(""));
    }

    [Fact]
    public async Task List_IsOfThePrefix()
    {
        foreach (var key in new[] { "img/b", "img/a/1", "img", "imgs/x", "other" })
        {
            await Store.WriteAsync(key + "-0", new PatternStream(3), Cancellation);
        }

        // s3rver does not list keys in ordinal order.
        Assert.Equal(["img-0", "img/a/1-0", "img/b-0", "imgs/x-0"], (await KeysAsync("img")).Order(StringComparer.Ordinal));
        Assert.Equal(["img/a/1-0", "img/b-0"], await KeysAsync("img/"));
        Assert.Equal(["img/b-0"], await KeysAsync("img/", after: "img/a/1-0"));
        Assert.Empty(await KeysAsync("none/"));
    }

    [Fact]
    public async Task OddKey_IsKept()
    {
        string[] keys = ["CASE", "Case", "case", "dots..in.it", "per%cent", "räksmörgås/日本 語", $"long/{new string('x', 230)}"];
        foreach (var key in keys)
        {
            await Store.WriteAsync(key, new PatternStream(key.Length), Cancellation);
        }

        Assert.Equal(keys.Order(StringComparer.Ordinal), (await KeysAsync("")).Order(StringComparer.Ordinal));
        Assert.Equal(4, (await Store.StatAsync("Case", Cancellation))!.Length);
    }

    protected async Task<string[]> KeysAsync(string prefix, string? after = null) =>
        [.. (await Store.ListAsync(prefix, after, 1000, Cancellation)).Items.Select(item => item.Key)];
}
