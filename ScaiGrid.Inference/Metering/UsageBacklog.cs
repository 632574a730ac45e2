using ScaiGrid.Inference.Streaming;

namespace ScaiGrid.Inference.Metering;

/// <summary>
/// Records for which Redis has no room, in files of one tenant each, so that a full tenant does not delay others. The files are in the
/// journal's folder; after a restart they are shipped like all other journal files.
/// </summary>
internal sealed class UsageBacklog(UsageJournal journal)
{
    private const long MaxFileBytes = 8 * 1024 * 1024;
    private const int WriteSize = 32 * 1024;

    private readonly Dictionary<string, LinkedList<JournalFile>> _files = [];

    public IReadOnlyCollection<string> TenantIds => _files.Keys;

    /// <summary>Waiting bytes over all tenants.</summary>
    public long Bytes => _files.Values.Sum(files => files.Sum(file => file.Remaining));

    public bool Holds(string tenantId) => _files.ContainsKey(tenantId);

    /// <exception cref="IOException">The disk is full or broken: it is unknown whether the records were added, and adding them again is safe.</exception>
    public void Add(string tenantId, IEnumerable<JournalLine> lines)
    {
        using var framed = new PooledBytes(WriteSize);
        foreach (var line in lines)
        {
            line.WriteTo(framed);
            if (framed.Length > WriteSize / 2)
            {
                Newest(tenantId).Append(framed.Span);
                framed.Clear();
            }
        }

        Newest(tenantId).Append(framed.Span);
    }

    public JournalFile Oldest(string tenantId) => _files[tenantId].First!.Value;

    /// <summary>Removes a tenant's oldest file from the backlog, because it was deleted or moved to another queue.</summary>
    public void RemoveOldest(string tenantId)
    {
        var files = _files[tenantId];
        files.RemoveFirst();
        if (files.Count == 0)
        {
            _files.Remove(tenantId);
        }
    }

    private JournalFile Newest(string tenantId)
    {
        if (!_files.TryGetValue(tenantId, out var files))
        {
            _files.Add(tenantId, files = []);
        }

        if (files.Last is null || files.Last.Value.Length >= MaxFileBytes)
        {
            files.AddLast(new JournalFile(journal.NextPath(), length: 0));
        }

        return files.Last!.Value;
    }
}
