using ScaiGrid.Core.Storage;
using ScaiGrid.Tests.Support;
using Xunit;

namespace ScaiGrid.Tests.Core.Storage;

public sealed class DiskBlobStoreTests : BlobStoreTests
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task KeyAndFolderOfOneName_LiveTogether()
    {
        // Not in BlobStoreTests: S3 allows a key that is also a prefix of another key, but s3rver, which stores on disk, does not.
        await Store.WriteAsync("a", new PatternStream(1), Cancellation);
        await Store.WriteAsync("a/b", new PatternStream(2), Cancellation);
        await Store.WriteAsync("a.d/b", new PatternStream(3), Cancellation);
        await Store.DeleteAsync("a", Cancellation);

        Assert.Equal(["a.d/b", "a/b"], await KeysAsync(""));
    }

    [Fact]
    public async Task LongestKey_IsKept()
    {
        var key = string.Join('/', Enumerable.Repeat(new string('Ä', 255), 2)) + "/x";
        await Store.WriteAsync(key, new PatternStream(1), Cancellation);

        Assert.Equal([key], await KeysAsync("Ä"));
    }

    [Fact]
    public async Task Pages_JoinToTheWhole()
    {
        var keys = Enumerable.Range(0, 25).Select(i => $"p/{i:d3}").ToArray();
        foreach (var key in keys.Reverse())
        {
            await Store.WriteAsync(key, new PatternStream(1), Cancellation);
        }

        var seen = new List<string>();
        BlobPage page;
        do
        {
            page = await Store.ListAsync("p/", seen.LastOrDefault(), 10, Cancellation);
            seen.AddRange(page.Items.Select(item => item.Key));
        }
        while (page.HasMore);

        Assert.Equal(keys, seen);
    }

    [Fact]
    public async Task WritersAndDeletersOfOneFolder_DoNotDisturbEachOther()
    {
        await Parallel.ForAsync(0, 400, Cancellation, async (i, cancellation) =>
        {
            await Store.WriteAsync($"race/folder/{i}", new PatternStream(10), cancellation);
            await Store.DeleteAsync($"race/folder/{i}", cancellation);
        });

        Assert.Empty(await KeysAsync(""));
        Assert.Empty(Directory.GetFiles(_folder.Path, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task ReplacedObject_IsReadToItsEnd()
    {
        await Store.WriteAsync("a", new PatternStream(1 << 20), Cancellation);
        await using var content = await Store.OpenAsync("a", range: null, Cancellation);
        await Store.WriteAsync("a", new PatternStream(5), Cancellation);
        using var bytes = new MemoryStream();
        await content!.Body.CopyToAsync(bytes, Cancellation);

        Assert.Equal(1 << 20, bytes.Length);
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _folder.Dispose();
    }

    protected override Task<IReadOnlyDictionary<string, string>> StartAsync() =>
        Task.FromResult<IReadOnlyDictionary<string, string>>(new Dictionary<string, string> { ["SCAIGRID_STORAGE_PATH"] = _folder.Path });
}
