using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using ScaiGrid.Core.Configuration;
using ScaiGrid.Core.Security;
using ScaiGrid.Core.Storage;
using ScaiGrid.Inference.Media;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Inference;

/// <summary>Generated media are deleted when their links expire.</summary>
public sealed class MediaStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly MediaStore _store;
    private readonly StubbornBlobStore _blobs;

    public MediaStoreTests()
    {
        _blobs = new StubbornBlobStore(new DiskBlobStore(_folder.Path, _time, NullLogger<DiskBlobStore>.Instance));
        _store = new MediaStore(_blobs, _time, NullLogger<MediaStore>.Instance);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Cleanup_DeletesWhatHasExpired_AndNothingElse()
    {
        var first = await SaveAsync();
        _time.Advance(TimeSpan.FromMinutes(40));
        var second = await SaveAsync();
        using (var other = new MemoryStream([1]))
        {
            await _blobs.WriteAsync("other/file", other, TestContext.Current.CancellationToken);
        }

        _time.Advance(TimeSpan.FromMinutes(19));
        await RunAsync();
        Assert.True(await ExistsAsync(first));
        _time.Advance(TimeSpan.FromMinutes(2));
        await RunAsync();
        Assert.False(await ExistsAsync(first));
        Assert.True(await ExistsAsync(second));
        _time.Advance(TimeSpan.FromHours(1));
        await RunAsync();
        Assert.False(await ExistsAsync(second));
        Assert.NotNull(await _blobs.StatAsync("other/file", TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task ObjectThatCannotBeDeleted_DoesNotKeepTheOthers()
    {
        var stubborn = await SaveAsync();
        _time.Advance(TimeSpan.FromMinutes(1));
        var other = await SaveAsync();
        _blobs.Stubborn = $"media/{stubborn}";
        _time.Advance(TimeSpan.FromHours(2));
        await RunAsync();
        Assert.True(await ExistsAsync(stubborn));
        Assert.False(await ExistsAsync(other));
    }

    [Fact]
    public void Link_WorksForAnHour()
    {
        var links = new MediaLinks(new SecretOptions { SecretKey = Secrets.SecretKey }, new PublicOptions { PublicUrl = new Uri("https://grid.example/") }, _time);
        var link = new Uri(links.Create("media_1.png", "http://10.0.0.1"));
        Assert.StartsWith("https://grid.example/v1/media/media_1.png?", link.ToString(), StringComparison.Ordinal);
        var parts = link.Query[1..].Split('&').ToDictionary(part => part.Split('=')[0], part => part.Split('=')[1]);
        var expires = long.Parse(parts["expires"], null);
        Assert.Equal(TimeSpan.FromHours(1), links.Check("media_1.png", expires, parts["signature"]));
        Assert.Null(links.Check("media_2.png", expires, parts["signature"]));
        Assert.Null(links.Check("media_1.png", expires + 60, parts["signature"]));
        _time.Advance(TimeSpan.FromMinutes(59));
        Assert.Equal(TimeSpan.FromMinutes(1), links.Check("media_1.png", expires, parts["signature"]));
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Null(links.Check("media_1.png", expires, parts["signature"]));
    }

    private Task<string> SaveAsync() => _store.SaveAsync(FakeOperations.Png, MediaType.Of(FakeOperations.Png)!, TestContext.Current.CancellationToken);

    private Task RunAsync() => new MediaCleanup(_store, NullLogger<MediaCleanup>.Instance).RunAsync(TestContext.Current.CancellationToken);

    private async Task<bool> ExistsAsync(string name)
    {
        await using var content = await _store.OpenAsync(name, TestContext.Current.CancellationToken);
        return content is not null;
    }
}
