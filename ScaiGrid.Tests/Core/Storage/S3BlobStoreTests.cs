using ScaiGrid.Core.Errors;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Core.Storage;

[Trait("needs", "services")]
public sealed class S3BlobStoreTests : BlobStoreTests
{
    private S3Server? _server;

    [Fact]
    public async Task ServerAway_IsSaidWithinTheTimeout()
    {
        await Store.WriteAsync("a", new PatternStream(1), Cancellation);
        await _server!.DisposeAsync();
        _server = null;

        var exception = await Assert.ThrowsAsync<ApiException>(() => Store.StatAsync("a", Cancellation));
        Assert.Equal(CoreErrors.Unavailable, exception.Problem.Error);
        await Assert.ThrowsAsync<ApiException>(() => Store.WriteAsync("b", new PatternStream(20 << 20), Cancellation));
        await Assert.ThrowsAsync<ApiException>(() => Store.CheckAsync(Cancellation));
    }

    [Fact]
    public async Task MoreUploadsThanBuffers_AllArrive()
    {
        await Task.WhenAll(Enumerable.Range(0, 12).Select(i => Store.WriteAsync($"many/{i}", new PatternStream(6 << 20), Cancellation)));

        Assert.Equal(12, (await KeysAsync("many/")).Length);
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }

    protected override async Task<IReadOnlyDictionary<string, string>> StartAsync()
    {
        _server = await S3Server.StartAsync();
        return new Dictionary<string, string>(_server.Settings) { ["SCAIGRID_S3_TIMEOUT_S"] = "10" };
    }
}
