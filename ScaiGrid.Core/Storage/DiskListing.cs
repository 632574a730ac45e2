namespace ScaiGrid.Core.Storage;

/// <summary>Lists blobs on disk in the order of their keys. Each page walks the whole folder in bounded memory, which is enough for embedded use.</summary>
internal static class DiskListing
{
    private static readonly Comparer<string> LastFirst = Comparer<string>.Create(static (a, b) => string.CompareOrdinal(b, a));

    public static BlobPage Read(string root, string prefix, string? after, int limit, CancellationToken cancellationToken)
    {
        var folder = Path.Combine(root, DiskPaths.ForFolder(prefix[..(prefix.LastIndexOf('/') + 1)]));
        if (!Directory.Exists(folder))
        {
            return new BlobPage([], HasMore: false);
        }

        // Keeps the smallest keys after the cursor, with the largest of them on top. One more than the limit shows whether there are more.
        var smallest = new PriorityQueue<string, string>(limit + 1, LastFirst);
        foreach (var path in Directory.EnumerateFiles(folder, "*" + DiskPaths.BlobSuffix, SearchOption.AllDirectories))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var key = DiskPaths.ToKey(Path.GetRelativePath(root, path));
            if (!key.StartsWith(prefix, StringComparison.Ordinal) || (after is not null && string.CompareOrdinal(key, after) <= 0))
            {
                continue;
            }

            smallest.Enqueue(key, key);
            if (smallest.Count > limit + 1)
            {
                smallest.Dequeue();
            }
        }

        var keys = smallest.UnorderedItems.Select(item => item.Element).Order(StringComparer.Ordinal).ToArray();
        return new BlobPage([.. keys.Take(limit).Select(key => Info(root, key)).OfType<BlobInfo>()], keys.Length > limit);
    }

    private static BlobInfo? Info(string root, string key)
    {
        // Null if the blob was deleted in the meantime.
        using var file = DiskBlobFile.Open(Path.Combine(root, DiskPaths.ForKey(key)));
        return file is null ? null : DiskBlobFile.ReadInfo(key, file);
    }
}
